#pragma once

#include <cstdint>
#include <string>

namespace ldm::files {

/// The bytes of a regular file of at most `limit` bytes. `what` names the kind of file that is wanted in
/// messages, such as "an image file". Throws FileError if the path is missing, not readable, a directory,
/// a pipe or another thing that is not a regular file, empty, or longer than `limit`.
std::string read_file(const std::string& path, const std::string& what, std::uint64_t limit);

}  // namespace ldm::files
