#include "ldm/modules/encoders/clip_tokenizer.h"

#include <algorithm>
#include <cstddef>
#include <stdexcept>

#include "ldm/modules/encoders/unicode_text.h"

namespace ldm {
namespace {

constexpr std::string_view kStartText = "<|startoftext|>";
constexpr std::string_view kEndText = "<|endoftext|>";

static_assert(ClipTokenizer::kStartOfText == ByteLevelBpe::kTokenCount);

struct Special {
  std::size_t at;  // npos for none
  std::int64_t id;
  std::size_t size;
};

bool starts_with(std::string_view text, std::string_view head) {
  return text.substr(0, head.size()) == head;
}

/// The first special token of `text`.
Special find_special(std::string_view text) {
  for (auto at = text.find("<|"); at != std::string_view::npos; at = text.find("<|", at + 1)) {
    const auto rest = text.substr(at);
    if (starts_with(rest, kStartText)) return {at, ClipTokenizer::kStartOfText, kStartText.size()};
    if (starts_with(rest, kEndText)) return {at, ClipTokenizer::kEndOfText, kEndText.size()};
  }
  return {std::string_view::npos, 0, 0};
}

/// Length of the English ending that `text` starts with, 0 for none.
std::size_t ending_length(std::u32string_view text) {
  for (const std::u32string_view ending : {U"'s", U"'t", U"'re", U"'ve", U"'m", U"'ll", U"'d"}) {
    if (text.substr(0, ending.size()) == ending) return ending.size();
  }
  return 0;
}

/// Length of the word that `text`, not empty and not starting with white space, starts with.
std::size_t word_length(std::u32string_view text) {
  if (const auto length = ending_length(text); length > 0) return length;
  const auto wanted = char_class(text.front());
  if (wanted == CharClass::kNumber) return 1;
  const auto end =
      std::find_if(text.begin(), text.end(), [&](char32_t c) { return char_class(c) != wanted; });
  return static_cast<std::size_t>(end - text.begin());
}

void trim(std::string& text) {
  constexpr const char* kSpace = " \t\n\v\f\r";
  text.erase(text.find_last_not_of(kSpace) + 1);
  text.erase(0, text.find_first_not_of(kSpace));
}

}  // namespace

ClipTokenizer::ClipTokenizer(std::string_view merges) : bpe_(merges) {}

ClipTokenizer::Encoded ClipTokenizer::encode(std::string_view text, std::int64_t max_length) const {
  if (max_length < 2) {
    throw std::invalid_argument("expected max_length of 2 or more, got " + std::to_string(max_length));
  }
  const auto tokens = tokenize(text);
  const auto kept = std::min(static_cast<std::size_t>(max_length - 2), tokens.size());
  const auto cut = tokens.begin() + static_cast<std::ptrdiff_t>(kept);
  Encoded out{{kStartOfText}, {}};
  out.ids.insert(out.ids.end(), tokens.begin(), cut);
  out.ids.resize(static_cast<std::size_t>(max_length), kEndOfText);
  out.truncated = decode({cut, tokens.end()});
  return out;
}

std::vector<std::int64_t> ClipTokenizer::tokenize(std::string_view text) const {
  std::vector<std::int64_t> ids;
  while (true) {
    const auto special = find_special(text);
    append_plain(text.substr(0, special.at), ids);
    if (special.at == std::string_view::npos) return ids;
    ids.push_back(special.id);
    text.remove_prefix(special.at + special.size);
  }
}

void ClipTokenizer::append_plain(std::string_view text, std::vector<std::int64_t>& ids) const {
  const auto normal = to_lower(normalize_nfc(decode_utf8(text)));
  std::u32string_view rest = normal;
  std::string word;
  while (!rest.empty()) {
    if (char_class(rest.front()) == CharClass::kSpace) {
      rest.remove_prefix(1);
      continue;
    }
    const auto length = word_length(rest);
    word.clear();
    for (const char32_t c : rest.substr(0, length)) append_utf8(c, word);
    bpe_.append_word(word, ids);
    rest.remove_prefix(length);
  }
}

std::string ClipTokenizer::decode(const std::vector<std::int64_t>& ids) const {
  std::string bytes;
  for (const auto id : ids) {
    if (id == kStartOfText) {
      bytes += kStartText;
    } else if (id == kEndOfText) {
      bytes += kEndText;
    } else {
      bytes += bpe_.bytes(id);
      if (bpe_.ends_word(id)) bytes += ' ';
    }
  }
  auto text = valid_utf8(bytes);
  trim(text);
  return text;
}

}  // namespace ldm
