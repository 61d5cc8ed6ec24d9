#pragma once

#include <string>
#include <string_view>

namespace ldm::files {

/// A name from a file as it may stand in an error message: control and non-ASCII bytes as \xNN, cut at 200
/// bytes.
std::string printable(std::string_view text);

/// Whether the bytes are well-formed UTF-8 (no overlong forms, no surrogates).
bool is_utf8(std::string_view text);

}  // namespace ldm::files
