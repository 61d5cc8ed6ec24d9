#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace ldm::data {

/// UTF-8 to Latin-1, nothing where a character is not in Latin-1. Throws std::invalid_argument if `utf8` is
/// not well-formed.
std::optional<std::string> to_latin1(std::string_view utf8);

/// Latin-1 to UTF-8.
std::string from_latin1(std::string_view latin1);

}  // namespace ldm::data
