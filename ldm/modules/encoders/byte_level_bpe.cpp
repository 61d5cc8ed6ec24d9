#include "ldm/modules/encoders/byte_level_bpe.h"

#include <array>
#include <cstddef>
#include <functional>
#include <queue>
#include <stdexcept>
#include <utility>

#include "ldm/modules/encoders/unicode_text.h"

namespace ldm {
namespace {

constexpr int kBytes = 256;
constexpr std::string_view kEndOfWord = "</w>";

/// The bytes that the table writes as the character of the same number. The others, which would be invisible
/// there, are written as U+0100 and up in their order; ids follow the same order, these bytes first.
bool is_visible(int byte) {
  return (byte >= 0x21 && byte <= 0x7E) || (byte >= 0xA1 && byte <= 0xAC) || (byte >= 0xAE && byte <= 0xFF);
}

struct ByteName {
  unsigned char byte;
  char32_t name;
};

/// The bytes in the order of their ids, with the characters that stand for them in the table.
std::array<ByteName, kBytes> byte_names() {
  std::array<ByteName, kBytes> names{};
  std::size_t at = 0;
  for (int b = 0; b < kBytes; ++b) {
    if (is_visible(b)) names[at++] = {static_cast<unsigned char>(b), static_cast<char32_t>(b)};
  }
  for (int b = 0, next = 0x100; b < kBytes; ++b) {
    if (!is_visible(b)) names[at++] = {static_cast<unsigned char>(b), static_cast<char32_t>(next++)};
  }
  return names;
}

/// The next line of `text`, which is shortened by it and its line break.
std::string_view take_line(std::string_view& text) {
  const auto end = text.find('\n');
  auto line = text.substr(0, end);
  text.remove_prefix(end == std::string_view::npos ? text.size() : end + 1);
  if (!line.empty() && line.back() == '\r') line.remove_suffix(1);
  return line;
}

[[noreturn]] void fail_at(std::int64_t line_number, const std::string& expected, std::string_view got) {
  throw std::invalid_argument("CLIP's merges table, line " + std::to_string(line_number) + ": expected " +
                              expected + ", got '" + valid_utf8(got.substr(0, 80)) +
                              "'; use the file bpe_simple_vocab_16e6.txt, uncompressed");
}

/// Tokens by the way the table writes them.
class TokenNames {
 public:
  TokenNames() { ids_.reserve(static_cast<std::size_t>(ByteLevelBpe::kTokenCount)); }

  /// False if there is one of that name.
  bool add(std::string name, std::int32_t id) { return ids_.emplace(std::move(name), id).second; }

  std::int32_t find(std::string_view name, std::int64_t line_number) {
    scratch_.assign(name);
    const auto it = ids_.find(scratch_);
    if (it == ids_.end()) fail_at(line_number, "a token made by an earlier line", name);
    return it->second;
  }

 private:
  std::unordered_map<std::string, std::int32_t> ids_;
  std::string scratch_;
};

}  // namespace

/// One word while it is merged: a doubly linked list in an array, and a heap of the merges that may apply.
class ByteLevelBpe::Merger {
 public:
  Merger(const ByteLevelBpe& bpe, std::string_view word) : bpe_(bpe) {
    const int n = static_cast<int>(word.size());
    symbols_.reserve(word.size());
    for (int i = 0; i < n; ++i) {
      const auto byte = static_cast<unsigned char>(word[static_cast<std::size_t>(i)]);
      symbols_.push_back(
          {bpe.byte_ids_[byte] + (i + 1 == n ? kBytes : 0), i - 1, i + 1 == n ? kNone : i + 1});
    }
    for (int i = 0; i + 1 < n; ++i) push(i);
  }

  void run() {
    while (!heap_.empty()) {
      const auto [id, at] = heap_.top();
      heap_.pop();
      // Either symbol may have been merged since.
      if (next_id(at) == id) join(at, id);
    }
  }

  void append_to(std::vector<std::int64_t>& ids) const {
    for (int i = symbols_.empty() ? kNone : 0; i != kNone; i = symbol(i).next) ids.push_back(symbol(i).id);
  }

 private:
  static constexpr int kNone = -1;
  static constexpr std::int32_t kGone = -1;

  struct Symbol {
    std::int32_t id;
    int previous;
    int next;
  };

  Symbol& symbol(int i) { return symbols_[static_cast<std::size_t>(i)]; }
  const Symbol& symbol(int i) const { return symbols_[static_cast<std::size_t>(i)]; }

  /// What the symbol at `at` and its right neighbour merge to, -1 for nothing.
  std::int32_t next_id(int at) const {
    const auto& left = symbol(at);
    if (left.id == kGone || left.next == kNone) return -1;
    return bpe_.merged(left.id, symbol(left.next).id);
  }

  void push(int at) {
    const auto id = next_id(at);
    if (id >= 0) heap_.emplace(id, at);
  }

  void join(int at, std::int32_t id) {
    const int gone = symbol(at).next;
    const int next = symbol(gone).next;
    symbol(at).id = id;
    symbol(at).next = next;
    symbol(gone).id = kGone;
    if (next != kNone) {
      symbol(next).previous = at;
      push(at);
    }
    if (symbol(at).previous != kNone) push(symbol(at).previous);
  }

  using Candidate = std::pair<std::int32_t, int>;  // the merged id, which is also its rank, and the place

  const ByteLevelBpe& bpe_;
  std::vector<Symbol> symbols_;
  std::priority_queue<Candidate, std::vector<Candidate>, std::greater<>> heap_;
};

ByteLevelBpe::ByteLevelBpe(std::string_view merges) : byte_ids_(kBytes) {
  tokens_.reserve(static_cast<std::size_t>(kTokenCount));
  merges_.reserve(static_cast<std::size_t>(kMergeCount));
  const auto names = byte_names();
  for (const bool ends_word : {false, true}) {
    for (const auto& [byte, name] : names) {
      if (!ends_word) byte_ids_[byte] = static_cast<std::int32_t>(tokens_.size());
      tokens_.push_back({std::string(1, static_cast<char>(byte)), ends_word});
    }
  }
  add_merges(merges);
}

void ByteLevelBpe::add_merges(std::string_view merges) {
  TokenNames names;
  std::int32_t id = 0;
  for (const auto end : {std::string_view(), kEndOfWord}) {
    for (const auto& [byte, name] : byte_names()) {
      std::string text;
      append_utf8(name, text);
      names.add(text.append(end), id++);
    }
  }
  const auto header = take_line(merges);
  if (header.find("#version") == std::string_view::npos) fail_at(1, "a header with '#version'", header);
  for (std::int64_t number = 2; number < kMergeCount + 2; ++number, ++id) {
    const auto line = take_line(merges);
    const auto space = line.find(' ');
    if (space == std::string_view::npos) fail_at(number, "two tokens with a space between", line);
    const auto left = line.substr(0, space);
    const auto right = line.substr(space + 1);
    const auto left_id = names.find(left, number);
    const auto right_id = names.find(right, number);
    if (tokens_[static_cast<std::size_t>(left_id)].ends_word ||
        !names.add(std::string(left).append(right), id)) {
      fail_at(number, "a merge into a token that no earlier line makes", line);
    }
    merges_.emplace(pair_key(left_id, right_id), id);
    tokens_.push_back({bytes(left_id) + bytes(right_id), ends_word(right_id)});
  }
}

void ByteLevelBpe::append_word(std::string_view word, std::vector<std::int64_t>& ids) const {
  Merger merger(*this, word);
  merger.run();
  merger.append_to(ids);
}

const std::string& ByteLevelBpe::bytes(std::int64_t id) const {
  return token(id).bytes;
}

std::string ByteLevelBpe::name(std::int64_t id) const {
  std::array<char32_t, kBytes> characters{};
  for (const auto& [byte, character] : byte_names()) characters[byte] = character;
  std::string text;
  for (const char byte : bytes(id)) append_utf8(characters[static_cast<unsigned char>(byte)], text);
  return ends_word(id) ? text.append(kEndOfWord) : text;
}

bool ByteLevelBpe::ends_word(std::int64_t id) const {
  return token(id).ends_word;
}

std::uint64_t ByteLevelBpe::pair_key(std::int32_t left, std::int32_t right) {
  return (static_cast<std::uint64_t>(left) << 32) | static_cast<std::uint32_t>(right);
}

std::int32_t ByteLevelBpe::merged(std::int32_t left, std::int32_t right) const {
  const auto it = merges_.find(pair_key(left, right));
  return it == merges_.end() ? -1 : it->second;
}

const ByteLevelBpe::Token& ByteLevelBpe::token(std::int64_t id) const {
  if (id < 0 || id >= kTokenCount) {
    throw std::invalid_argument("expected a token id from 0 to " + std::to_string(kTokenCount - 1) +
                                ", got " + std::to_string(id));
  }
  return tokens_[static_cast<std::size_t>(id)];
}

}  // namespace ldm
