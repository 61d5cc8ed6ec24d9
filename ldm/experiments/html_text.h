#pragma once

#include <string>
#include <string_view>

namespace ldm::experiments {

/// Text as it may stand in HTML, in an element and in a quoted attribute; bytes that are no UTF-8 become
/// U+FFFD.
std::string escaped(std::string_view text);

/// Base64 (RFC 4648), with padding.
std::string base64(std::string_view bytes);

/// A number with that many decimals; "–" where it is not finite.
std::string fixed(double number, int decimals);

/// A number as briefly as its value can be told: "7.5", "1e-05".
std::string brief(double number);

/// The whole text as a number, if it is a finite one.
bool parse_number(const std::string& text, double& number);

}  // namespace ldm::experiments
