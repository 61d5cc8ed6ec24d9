#include "ldm/modules/encoders/unicode_text.h"

#include <utf8proc.h>

#include <algorithm>
#include <array>
#include <cstddef>
#include <stdexcept>
#include <vector>

namespace ldm {
namespace {

constexpr char32_t kReplacement = 0xFFFD;

using Buffer = std::vector<utf8proc_int32_t>;

/// What a lead byte announces: how many bytes follow, and the range of the first of them (the others
/// are 80..BF). The narrowed ranges are what rules out overlong forms, surrogates and values above U+10FFFF
/// (Unicode, table 3-7).
struct Lead {
  int following;
  unsigned char low;
  unsigned char high;
};

Lead lead(unsigned char byte) {
  if (byte >= 0xC2 && byte <= 0xDF) return {1, 0x80, 0xBF};
  if (byte == 0xE0) return {2, 0xA0, 0xBF};
  if (byte == 0xED) return {2, 0x80, 0x9F};
  if (byte >= 0xE1 && byte <= 0xEF) return {2, 0x80, 0xBF};
  if (byte == 0xF0) return {3, 0x90, 0xBF};
  if (byte >= 0xF1 && byte <= 0xF3) return {3, 0x80, 0xBF};
  if (byte == 0xF4) return {3, 0x80, 0x8F};
  return {0, 0, 0};
}

/// Reads the character or ill-formed sequence at `at`, which moves past it.
char32_t next_char(std::string_view text, std::size_t& at) {
  const auto first = static_cast<unsigned char>(text[at++]);
  if (first < 0x80) return first;
  auto [following, low, high] = lead(first);
  if (following == 0) return kReplacement;
  char32_t c = first & (0x3FU >> following);
  for (; following > 0; --following, low = 0x80, high = 0xBF) {
    if (at == text.size()) return kReplacement;
    const auto byte = static_cast<unsigned char>(text[at]);
    if (byte < low || byte > high) return kReplacement;
    c = (c << 6) | (byte & 0x3FU);
    ++at;
  }
  return c;
}

int combining_class(utf8proc_int32_t c) {
  return utf8proc_get_property(c)->combining_class;
}

/// Appends the full canonical decomposition of `c`.
void append_decomposed(char32_t c, Buffer& out) {
  std::array<utf8proc_int32_t, 32> parts{};
  int boundary = UTF8PROC_BOUNDCLASS_START;
  const auto count = utf8proc_decompose_char(static_cast<utf8proc_int32_t>(c), parts.data(), parts.size(),
                                             UTF8PROC_DECOMPOSE, &boundary);
  if (count < 0 || static_cast<std::size_t>(count) > parts.size()) {
    throw std::invalid_argument("expected a Unicode scalar value, got " +
                                std::to_string(static_cast<unsigned long>(c)));
  }
  out.insert(out.end(), parts.begin(), parts.begin() + count);
}

/// Canonical ordering: each run of combining marks sorted by combining class, equal ones kept in order.
void reorder_marks(Buffer& chars) {
  const auto is_mark = [](utf8proc_int32_t c) { return combining_class(c) != 0; };
  for (auto from = chars.begin(); from != chars.end();) {
    from = std::find_if(from, chars.end(), is_mark);
    const auto to = std::find_if_not(from, chars.end(), is_mark);
    std::stable_sort(from, to, [](auto a, auto b) { return combining_class(a) < combining_class(b); });
    from = to;
  }
}

}  // namespace

CharClass char_class(char32_t c) {
  // The line breaks are white space but of the category of control characters.
  if ((c >= 0x09 && c <= 0x0D) || c == 0x85) return CharClass::kSpace;
  const auto category = utf8proc_category(static_cast<utf8proc_int32_t>(c));
  if (category >= UTF8PROC_CATEGORY_LU && category <= UTF8PROC_CATEGORY_LO) return CharClass::kLetter;
  if (category >= UTF8PROC_CATEGORY_ND && category <= UTF8PROC_CATEGORY_NO) return CharClass::kNumber;
  if (category >= UTF8PROC_CATEGORY_ZS && category <= UTF8PROC_CATEGORY_ZP) return CharClass::kSpace;
  return CharClass::kOther;
}

std::u32string decode_utf8(std::string_view text) {
  std::u32string out;
  out.reserve(text.size());
  for (std::size_t at = 0; at < text.size();) out.push_back(next_char(text, at));
  return out;
}

void append_utf8(char32_t c, std::string& out) {
  std::array<utf8proc_uint8_t, 4> bytes{};
  const auto count = utf8proc_encode_char(static_cast<utf8proc_int32_t>(c), bytes.data());
  out.append(bytes.begin(), bytes.begin() + count);
}

std::string valid_utf8(std::string_view text) {
  std::string out;
  out.reserve(text.size());
  for (const char32_t c : decode_utf8(text)) append_utf8(c, out);
  return out;
}

std::u32string normalize_nfc(std::u32string_view text) {
  Buffer chars;
  chars.reserve(text.size());
  for (const char32_t c : text) append_decomposed(c, chars);
  // The library would order the marks by swapping neighbours, which is quadratic: it is left with composing
  // only.
  reorder_marks(chars);
  const auto count =
      utf8proc_normalize_utf32(chars.data(), static_cast<utf8proc_ssize_t>(chars.size()),
                               static_cast<utf8proc_option_t>(UTF8PROC_STABLE | UTF8PROC_COMPOSE));
  if (count < 0)
    throw std::runtime_error(std::string("expected text to compose, got: ") + utf8proc_errmsg(count));
  return {chars.begin(), chars.begin() + count};
}

std::u32string to_lower(std::u32string_view text) {
  constexpr char32_t kCapitalIWithDot = 0x130;
  constexpr char32_t kDotAbove = 0x307;
  std::u32string out;
  out.reserve(text.size());
  for (const char32_t c : text) {
    // The one character whose lower case is two; the library maps characters one to one.
    if (c == kCapitalIWithDot) {
      out += {U'i', kDotAbove};
    } else {
      out.push_back(static_cast<char32_t>(utf8proc_tolower(static_cast<utf8proc_int32_t>(c))));
    }
  }
  return out;
}

}  // namespace ldm
