#pragma once

#include <string>
#include <utility>
#include <vector>

namespace ldm::weights {

/// The files of CLIP's tokenizer as transformers' CLIPTokenizer reads them, names and contents: `vocab.json`,
/// `merges.txt`, `tokenizer_config.json` and `special_tokens_map.json`. Made from the merges table that is
/// built into the library.
std::vector<std::pair<std::string, std::string>> clip_tokenizer_files();

}  // namespace ldm::weights
