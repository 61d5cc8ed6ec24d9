#pragma once

#include <string_view>

namespace ldm {

/// CLIP's merges table, the text of bpe_simple_vocab_16e6.txt, which the build embeds into the library: what
/// ClipTokenizer is built from. Valid for the life of the process.
std::string_view clip_merges();

}  // namespace ldm
