#pragma once

// What the text of an unquoted scalar means in YAML 1.1: private to this folder.

#include <cstdint>
#include <optional>
#include <string>

namespace ldm::config::detail {

/// true/yes/on and false/no/off in PyYAML's three spellings.
std::optional<bool> parse_boolean(const std::string& text);

/// Decimal, 0x, 0b and 0-led octal, with sign and underscores; nothing if it is none or does not fit 64 bits.
std::optional<std::int64_t> parse_integer(const std::string& text);

/// A decimal fraction with or without exponent, .inf or .nan, or anything that parse_integer takes; nothing
/// for other text and for numbers beyond the range of a double.
std::optional<double> parse_real(const std::string& text);

/// The empty text, ~, null, Null, NULL.
bool is_null_text(const std::string& text);

}  // namespace ldm::config::detail
