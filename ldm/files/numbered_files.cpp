#include "ldm/files/numbered_files.h"

#include <algorithm>
#include <regex>
#include <stdexcept>
#include <utility>

#include "ldm/files/output_file.h"
#include "ldm/files/output_folder.h"

namespace ldm::files {

NumberedFiles::NumberedFiles(std::string folder, const std::string& pattern, std::int64_t first)
    : folder_(std::move(folder)), next_(first) {
  static const std::regex form("([^%/]*)%0([1-9])d([^%/]*)");
  std::smatch parts;
  if (!std::regex_match(pattern, parts, form)) {
    throw std::invalid_argument("expected a pattern such as 'grid-%04d.png', got '" + pattern + "'");
  }
  if (first < 0) {
    throw std::invalid_argument("expected a first number of at least 0, got " + std::to_string(first));
  }
  before_ = parts[1];
  digits_ = std::stoul(parts[2]);
  after_ = parts[3];
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
