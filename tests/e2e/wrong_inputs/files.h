#pragma once

#include <string>

namespace ldm::testing {

/// `text` with each {NAME} replaced by the path of the file or folder of that name, made when it is first
/// asked for: {tmp} a folder, {goldens} that of the goldens, {empty}, {blank.txt}, {page.html},
/// {pointer.ckpt}, {cut.ckpt}, {nan.ckpt}, {broken.yaml}, {other.yaml}, {small.png} (40x20), {cut.png}.
/// Throws std::runtime_error for another name.
std::string with_files(const std::string& text);

}  // namespace ldm::testing
