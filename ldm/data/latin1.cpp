#include "ldm/data/latin1.h"

#include <utf8proc.h>

#include <stdexcept>

namespace ldm::data {
namespace {

/// Takes one character off the front; -1 if there is no well-formed one.
utf8proc_int32_t take_character(std::string_view& text) {
  utf8proc_int32_t character = -1;
  const auto* bytes = reinterpret_cast<const utf8proc_uint8_t*>(text.data());
  const utf8proc_ssize_t length =
      utf8proc_iterate(bytes, static_cast<utf8proc_ssize_t>(text.size()), &character);
  if (length <= 0) return -1;
  text.remove_prefix(static_cast<std::size_t>(length));
  return character;
}

}  // namespace

std::optional<std::string> to_latin1(std::string_view utf8) {
  std::string latin1;
  bool fits = true;
  while (!utf8.empty()) {
    const utf8proc_int32_t character = take_character(utf8);
    if (character < 0) throw std::invalid_argument("expected text in UTF-8, got bytes that are not");
    fits = fits && character < 0x100;
    if (fits) latin1.push_back(static_cast<char>(character));
  }
  return fits ? std::optional<std::string>(std::move(latin1)) : std::nullopt;
}

std::string from_latin1(std::string_view latin1) {
  std::string utf8;
  for (const char c : latin1) {
    const auto byte = static_cast<unsigned char>(c);
    if (byte < 0x80) {
      utf8.push_back(c);
    } else {
      utf8.push_back(static_cast<char>(0xC0 | (byte >> 6)));
      utf8.push_back(static_cast<char>(0x80 | (byte & 0x3F)));
    }
  }
  return utf8;
}

}  // namespace ldm::data
