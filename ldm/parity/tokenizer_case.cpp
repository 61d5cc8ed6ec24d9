#include <fstream>
#include <nlohmann/json.hpp>
#include <stdexcept>

#include "ldm/modules/encoders/clip_merges.h"
#include "ldm/modules/encoders/clip_tokenizer.h"
#include "ldm/parity/runner.h"

namespace ldm::parity {

TokenizerResult run_tokenizer(const std::string& path, bool selftest) {
  std::ifstream stream(path);
  const nlohmann::json golden = nlohmann::json::parse(stream, nullptr, /*allow_exceptions=*/false);
  if (golden.is_discarded() || !golden.is_object() || !golden.contains("cases")) {
    throw std::runtime_error(path + ": expected a JSON object with 'cases', got something else");
  }
  const ClipTokenizer tokenizer(clip_merges());
  TokenizerResult result;
  for (const auto& item : golden.at("cases")) {
    const std::string text = item.at("text").get<std::string>();
    auto expected = item.at("ids").get<std::vector<std::int64_t>>();
    if (selftest) ++expected.back();
    ++result.texts;
    if (tokenizer.encode(text).ids == expected) continue;
    if (result.differing++ == 0) result.first_difference = text;
  }
  return result;
}

}  // namespace ldm::parity
