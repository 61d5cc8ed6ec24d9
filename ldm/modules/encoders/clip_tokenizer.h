#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "ldm/modules/encoders/byte_level_bpe.h"

namespace ldm {

/// CLIP's tokenizer (Radford et al. 2021) with the ids that Hugging Face's fast CLIPTokenizer gives for
/// openai/clip-vit-large-patch14. "<|startoftext|>" and "<|endoftext|>", spelled exactly so, are special
/// tokens wherever they stand in the text; what lies between them is brought to normalisation form C and
/// lower case and cut into words: runs of letters, single digits, runs of other characters, and the English
/// endings 's 't 're 've 'm 'll 'd. White space only separates. Each word is byte-pair encoded by itself.
/// Immutable once built, so any number of threads may share one.
class ClipTokenizer {
 public:
  static constexpr std::int64_t kStartOfText = 49406, kEndOfText = 49407;

  /// `merges`: the text of bpe_simple_vocab_16e6.txt, of which the version header and the first 48,894 merges
  /// are used; it need not outlive the call. Throws std::invalid_argument when it is not that. clip_merges()
  /// holds it.
  explicit ClipTokenizer(std::string_view merges);

  struct Encoded {
    std::vector<std::int64_t> ids;  ///< max_length long
    std::string truncated;          ///< the tokens that did not fit, decoded; empty if and only if all fitted
  };

  /// kStartOfText, the first max_length - 2 tokens of `text`, kEndOfText, then kEndOfText up to max_length.
  /// `text` is UTF-8; each ill-formed sequence in it counts as U+FFFD. Throws std::invalid_argument if
  /// max_length < 2.
  Encoded encode(std::string_view text, std::int64_t max_length = 77) const;

  /// All tokens of `text`, without start, end, padding and cut. Ids of special tokens in the text are among
  /// them.
  std::vector<std::int64_t> tokenize(std::string_view text) const;

  /// The text of ids: words separated by one space, special tokens spelled out, white space at the ends
  /// dropped. Bytes that make no UTF-8 (a character cut in two) become U+FFFD. Throws std::invalid_argument
  /// on ids outside 0..kEndOfText.
  std::string decode(const std::vector<std::int64_t>& ids) const;

 private:
  /// Tokens of text in which no special token is looked for.
  void append_plain(std::string_view text, std::vector<std::int64_t>& ids) const;

  ByteLevelBpe bpe_;
};

}  // namespace ldm
