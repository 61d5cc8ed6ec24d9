#pragma once

#include <string>
#include <string_view>

namespace ldm::files {

/// What a file is that was downloaded or named by mistake, and what to do, for the end of a message: "a Git
/// LFS pointer: download the real file". `head` is its first bytes, 512 or more where it has them. Empty when
/// it is none of the forms known here: answers of servers in place of the file, LFS pointers, downloads that
/// have not begun, archives.
std::string describe_lookalike(std::string_view head);

}  // namespace ldm::files
