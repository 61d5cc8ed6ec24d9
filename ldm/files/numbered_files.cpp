#include "ldm/files/numbered_files.h"

#include <algorithm>
#include <stdexcept>
#include <utility>

#include "ldm/files/output_file.h"
#include "ldm/files/output_folder.h"

namespace ldm::files {

NumberedFiles::NumberedFiles(std::string folder, const std::string& pattern, std::int64_t first)
    : folder_(std::move(folder)), next_(first) {
  // TEXT %0 DIGIT d TEXT, with no other '%' and no folder in it.
  const std::size_t at = pattern.find("%0");
  const bool fits = at != std::string::npos && pattern.size() >= at + 4 && pattern[at + 2] >= '1' &&
                    pattern[at + 2] <= '9' && pattern[at + 3] == 'd' &&
                    pattern.find('%', at + 1) == std::string::npos && pattern.find('%') == at &&
                    pattern.find('/') == std::string::npos;
  if (!fits) throw std::invalid_argument("expected a pattern such as 'grid-%04d.png', got '" + pattern + "'");
  if (first < 0) {
    throw std::invalid_argument("expected a first number of at least 0, got " + std::to_string(first));
  }
  before_ = pattern.substr(0, at);
  digits_ = static_cast<std::size_t>(pattern[at + 2] - '0');
  after_ = pattern.substr(at + 4);
}

std::string NumberedFiles::path(std::int64_t number) const {
  const std::string digits = std::to_string(number);
  const std::string zeros(digits_ - std::min(digits_, digits.size()), '0');
  return join(folder_, before_ + zeros + digits + after_);
}

std::string NumberedFiles::write(std::string_view bytes) {
  OutputFile file(path(next_), bytes.size());
  file.write_at(0, bytes);
  std::int64_t number = next_;
  while (!file.commit_as_new(path(number))) ++number;
  next_ = number + 1;
  return path(number);
}

}  // namespace ldm::files
