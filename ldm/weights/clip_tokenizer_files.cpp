#include "ldm/weights/clip_tokenizer_files.h"

#include <cstdint>
#include <nlohmann/json.hpp>
#include <string_view>

#include "ldm/modules/encoders/byte_level_bpe.h"
#include "ldm/modules/encoders/clip_merges.h"
#include "ldm/modules/encoders/clip_tokenizer.h"

namespace ldm::weights {
namespace {

using Json = nlohmann::ordered_json;

constexpr const char* kStart = "<|startoftext|>";
constexpr const char* kEnd = "<|endoftext|>";

/// Written piece by piece: an ordered object looks through all its keys for each new one.
std::string vocab_json() {
  const ByteLevelBpe bpe(clip_merges());
  std::string text = "{";
  const auto add = [&](const std::string& token, std::int64_t id) {
    text.append(Json(token).dump()).append(":").append(std::to_string(id)).append(",\n");
  };
  for (std::int64_t id = 0; id < ByteLevelBpe::kTokenCount; ++id) add(bpe.name(id), id);
  add(kStart, ClipTokenizer::kStartOfText);
  add(kEnd, ClipTokenizer::kEndOfText);
  text.resize(text.size() - 2);
  return text + "}\n";
}

/// The merges in use, under the header that transformers skips.
std::string merges_txt() {
  std::string_view table = clip_merges();
  std::string text = "#version: 0.2\n";
  table.remove_prefix(table.find('\n') + 1);
  for (std::int64_t i = 0; i < ByteLevelBpe::kMergeCount; ++i) {
    const std::string_view line = table.substr(0, table.find('\n'));
    text.append(line).append("\n");
    table.remove_prefix(line.size() + 1);
  }
  return text;
}

Json special_token(const char* content) {
  return {{"content", content},
          {"lstrip", false},
          {"normalized", true},
          {"rstrip", false},
          {"single_word", false}};
}

Json added_token(const char* content) {
  Json token = special_token(content);
  token["__type"] = "AddedToken";
  return token;
}

std::string tokenizer_config() {
  const Json config{{"add_prefix_space", false},
                    {"bos_token", added_token(kStart)},
                    {"do_lower_case", true},
                    {"eos_token", added_token(kEnd)},
                    {"errors", "replace"},
                    {"model_max_length", 77},
                    {"pad_token", kEnd},
                    {"tokenizer_class", "CLIPTokenizer"},
                    {"unk_token", added_token(kEnd)}};
  return config.dump(2) + "\n";
}

std::string special_tokens_map() {
  const Json map{{"bos_token", special_token(kStart)},
                 {"eos_token", special_token(kEnd)},
                 {"pad_token", kEnd},
                 {"unk_token", special_token(kEnd)}};
  return map.dump(2) + "\n";
}

}  // namespace

std::vector<std::pair<std::string, std::string>> clip_tokenizer_files() {
  return {{"vocab.json", vocab_json()},
          {"merges.txt", merges_txt()},
          {"tokenizer_config.json", tokenizer_config()},
          {"special_tokens_map.json", special_tokens_map()}};
}

}  // namespace ldm::weights
