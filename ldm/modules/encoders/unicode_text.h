#pragma once

#include <string>
#include <string_view>

namespace ldm {

/// What the tokenizer's word splitting tells apart: Unicode's general categories L* (kLetter) and N*
/// (kNumber), white space (the property White_Space), and everything else, unassigned code points included.
enum class CharClass { kLetter, kNumber, kSpace, kOther };

/// The class of one code point. `c` is a Unicode scalar value.
CharClass char_class(char32_t c);

/// Code points of UTF-8 text. Never fails: each maximal ill-formed sequence becomes one U+FFFD, as the
/// Unicode standard recommends (chapter 3, "U+FFFD Substitution of Maximal Subparts"); overlong forms,
/// surrogates and values above U+10FFFF are ill-formed. NUL is an ordinary character.
std::u32string decode_utf8(std::string_view text);

/// Appends the UTF-8 form of `c`, a Unicode scalar value, to `out`.
void append_utf8(char32_t c, std::string& out);

/// `text` itself where it is valid UTF-8; ill-formed sequences replaced as decode_utf8 does.
std::string valid_utf8(std::string_view text);

/// Unicode normalisation form C (UAX #15). `text` holds scalar values only, as decode_utf8 gives them. Takes
/// time proportional to n log n even for adversarial runs of combining marks.
std::u32string normalize_nfc(std::u32string_view text);

/// Full lower case of each character by itself: U+0130 becomes two characters, and a final capital sigma
/// becomes U+03C3 like any other, because no context is looked at.
std::u32string to_lower(std::u32string_view text);

}  // namespace ldm
