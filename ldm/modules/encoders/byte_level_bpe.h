#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

namespace ldm {

/// CLIP's vocabulary and byte-pair merging of single words (Sennrich et al. 2016, on bytes as in GPT-2).
/// Token ids: 0..255 the bytes, 256..511 the bytes that end a word, then one per merge in the order of the
/// table, which is also the merges' priority. Immutable once built, so any number of threads may share one.
class ByteLevelBpe {
 public:
  static constexpr std::int64_t kMergeCount = 49152 - 256 - 2;
  static constexpr std::int64_t kTokenCount = 512 + kMergeCount;

  /// `merges`: the text of bpe_simple_vocab_16e6.txt: a header line with "#version", then a merge of two
  /// tokens a line, of which the first kMergeCount are used. Throws std::invalid_argument when it is not
  /// that.
  explicit ByteLevelBpe(std::string_view merges);

  /// Appends the ids of one word, any non-empty string of bytes; nothing for an empty one. Among the merges
  /// that apply, the one of the lowest rank is made first, the leftmost among equals. Takes n log n time for
  /// n bytes.
  void append_word(std::string_view word, std::vector<std::int64_t>& ids) const;

  /// The bytes of a token, without its mark for the end of a word. Throws std::invalid_argument unless 0 <=
  /// id < kTokenCount.
  const std::string& bytes(std::int64_t id) const;

  /// A token as the table writes it: in visible characters, with "</w>" at the end of a word. Same range of
  /// ids.
  std::string name(std::int64_t id) const;

  /// Whether a token ends a word. Same range of ids.
  bool ends_word(std::int64_t id) const;

 private:
  struct Token {
    std::string bytes;
    bool ends_word;
  };

  /// Two ids in one key.
  static std::uint64_t pair_key(std::int32_t left, std::int32_t right);
  /// The token that two neighbours merge to, -1 for none.
  std::int32_t merged(std::int32_t left, std::int32_t right) const;

  void add_merges(std::string_view merges);
  const Token& token(std::int64_t id) const;

  class Merger;

  std::vector<std::int32_t> byte_ids_;  // by byte
  std::vector<Token> tokens_;           // by id
  std::unordered_map<std::uint64_t, std::int32_t> merges_;
};

}  // namespace ldm
