#include "ldm/pipelines/prompts.h"

#include <algorithm>
#include <cstddef>
#include <cstdint>

#include "ldm/files/input_file.h"

namespace ldm {
namespace {

constexpr std::uint64_t kLargestFile = std::uint64_t{64} << 20;
constexpr const char* kByteOrderMark = "\xEF\xBB\xBF";
constexpr const char* kLineEnds = "\r\n";
constexpr const char* kBlanks = " \t\v\f";

}  // namespace

std::vector<std::string> read_prompts(const std::string& path, const std::string& option) {
  std::string text = files::read_file(path, "a text file with prompts", kLargestFile);
  if (text.compare(0, 3, kByteOrderMark) == 0) text.erase(0, 3);
  std::vector<std::string> prompts;
  for (std::size_t begin = 0; begin < text.size();) {
    const std::size_t end = std::min(text.find_first_of(kLineEnds, begin), text.size());
    const std::string line = text.substr(begin, end - begin);
    if (line.find_first_not_of(kBlanks) != std::string::npos) prompts.push_back(line);
    begin = end + 1;
  }
  if (prompts.empty()) {
    throw OptionError(option + ": expected at least one prompt in '" + path + "', got blank lines only");
  }
  return prompts;
}

std::vector<std::vector<std::string>> prompt_batches(const GenerationOptions& options) {
  const auto batch = static_cast<std::size_t>(options.n_samples);
  if (options.from_file.empty()) return {std::vector<std::string>(batch, options.prompt)};
  const std::vector<std::string> prompts = read_prompts(options.from_file);
  std::vector<std::vector<std::string>> batches;
  for (std::size_t begin = 0; begin < prompts.size(); begin += batch) {
    const auto first = prompts.begin() + static_cast<std::ptrdiff_t>(begin);
    const auto count = std::min(batch, prompts.size() - begin);
    batches.emplace_back(first, first + static_cast<std::ptrdiff_t>(count));
  }
  return batches;
}

}  // namespace ldm
