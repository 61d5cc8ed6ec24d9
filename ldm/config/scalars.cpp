#include "ldm/config/scalars.h"

#include <algorithm>
#include <charconv>
#include <limits>
#include <set>

namespace ldm::config::detail {
namespace {

bool is_one_of(const std::string& text, const std::set<std::string>& spellings) {
  return spellings.count(text) > 0;
}

bool is_digit(char c) {
  return c >= '0' && c <= '9';
}

/// Takes off a sign; true if it was a minus.
bool take_sign(std::string& text) {
  if (text.empty() || (text[0] != '-' && text[0] != '+')) return false;
  const bool negative = text[0] == '-';
  text.erase(0, 1);
  return negative;
}

/// Takes off "0x", "0b" or the zero of an octal number and says which base the rest is in.
int take_base(std::string& digits) {
  if (digits.size() < 2 || digits[0] != '0') return 10;
  const char second = digits[1];
  const int base = second == 'x' ? 16 : second == 'b' ? 2 : 8;
  digits.erase(0, base == 8 ? 1 : 2);
  return base;
}

std::string without_underscores(std::string text) {
  text.erase(std::remove(text.begin(), text.end(), '_'), text.end());
  return text;
}

/// Digits with at most one dot, at least one digit, and perhaps an exponent.
bool looks_decimal(const std::string& text) {
  std::size_t at = 0;
  std::size_t digits = 0;
  for (int dots = 0; at < text.size() && (is_digit(text[at]) || (text[at] == '.' && dots == 0)); ++at) {
    text[at] == '.' ? ++dots : static_cast<int>(++digits);
  }
  if (digits == 0) return false;
  if (at == text.size()) return true;
  if (text[at] != 'e' && text[at] != 'E') return false;
  ++at;
  if (at < text.size() && (text[at] == '-' || text[at] == '+')) ++at;
  return at < text.size() &&
         std::all_of(text.begin() + static_cast<std::ptrdiff_t>(at), text.end(), is_digit);
}

}  // namespace

std::optional<bool> parse_boolean(const std::string& text) {
  static const std::set<std::string> yes{"true", "True", "TRUE", "yes", "Yes", "YES", "on", "On", "ON"};
  static const std::set<std::string> no{"false", "False", "FALSE", "no", "No", "NO", "off", "Off", "OFF"};
  if (is_one_of(text, yes)) return true;
  if (is_one_of(text, no)) return false;
  return std::nullopt;
}

std::optional<std::int64_t> parse_integer(const std::string& text) {
  std::string digits = text;
  const bool negative = take_sign(digits);
  if (digits.empty() || !is_digit(digits[0])) return std::nullopt;
  const int base = take_base(digits);
  digits = without_underscores(digits);
  // The sign goes in front again, so that the least integer fits; what from_chars would take for one is no
  // digit.
  if (digits.empty() || digits[0] == '-') return std::nullopt;
  if (negative) digits.insert(0, "-");
  std::int64_t value = 0;
  const char* end = digits.data() + digits.size();
  const auto result = std::from_chars(digits.data(), end, value, base);
  if (result.ec != std::errc() || result.ptr != end) return std::nullopt;
  return value;
}

std::optional<double> parse_real(const std::string& text) {
  if (const auto integer = parse_integer(text)) return static_cast<double>(*integer);
  std::string digits = text;
  const double sign = take_sign(digits) ? -1.0 : 1.0;
  if (is_one_of(digits, {".inf", ".Inf", ".INF"})) return sign * std::numeric_limits<double>::infinity();
  if (is_one_of(text, {".nan", ".NaN", ".NAN"})) return std::numeric_limits<double>::quiet_NaN();
  if (!digits.empty() && digits[0] == '_') return std::nullopt;
  digits = without_underscores(digits);
  if (!looks_decimal(digits)) return std::nullopt;
  double value = 0;
  const auto result = std::from_chars(digits.data(), digits.data() + digits.size(), value);
  if (result.ec != std::errc()) return std::nullopt;
  return sign * value;
}

bool is_null_text(const std::string& text) {
  return is_one_of(text, {"", "~", "null", "Null", "NULL"});
}

}  // namespace ldm::config::detail
