#pragma once

#include <ATen/core/Tensor.h>

#include <string>
#include <vector>

#include "ldm/parity/case_file.h"
#include "tests/support/process.h"

namespace ldm::testing {

/// Path of a built program, such as "txt2img".
std::string program(const std::string& name);

/// A checkpoint of the small model with the goldens' weights, written by make_checkpoint once for each test
/// process.
std::string tiny_checkpoint();

/// txt2img or img2img on the small model: the program, its config, checkpoint and device, one thread, then
/// `arguments`.
std::vector<std::string> on_tiny(const std::string& name, const std::vector<std::string>& arguments);

/// The arguments that a golden's metadata describes.
std::vector<std::string> arguments_of(const parity::CaseFile& file);

/// Pixels of a PNG, uint8 [H, W, 3]; of all given, which have one size, [n, H, W, 3].
at::Tensor pixels(const std::string& path);
at::Tensor pixels(const std::vector<std::string>& paths);

/// The lines of a text.
std::vector<std::string> lines(const std::string& text);

}  // namespace ldm::testing
