#include "ldm/parity/case_file.h"

#include <filesystem>
#include <optional>
#include <stdexcept>

#include "ldm/checkpoint/open_checkpoint.h"

namespace ldm::parity {
namespace fs = std::filesystem;
namespace {

/// The number that the whole of `text` is, by one of std's parsers; nothing if it is none.
template <typename Parser>
auto parsed(Parser parser, const std::string& text) -> std::optional<decltype(parser(text, nullptr))> {
  std::size_t used = 0;
  try {
    const auto number = parser(text, &used);
    if (used == text.size()) return number;
  } catch (const std::exception&) {
    return std::nullopt;  // out of range, or no number at all
  }
  return std::nullopt;
}

}  // namespace

CaseFile::CaseFile(const std::string& path)
    : state_(checkpoint::open_checkpoint(path)), metadata_(state_.metadata()) {}

std::string CaseFile::name() const {
  return fs::path(path()).filename().string();
}

std::string CaseFile::text(const std::string& key) const {
  const auto found = metadata_.find(key);
  if (found == metadata_.end()) {
    throw std::runtime_error(path() + ": expected '" + key + "' in the metadata, got none");
  }
  return found->second;
}

std::string CaseFile::text(const std::string& key, const std::string& otherwise) const {
  return has(key) ? text(key) : otherwise;
}

std::int64_t CaseFile::integer(const std::string& key, std::int64_t otherwise) const {
  if (!has(key)) return otherwise;
  const auto number =
      parsed([](const std::string& value, std::size_t* used) { return std::stoll(value, used); }, text(key));
  if (number) return *number;
  throw std::runtime_error(path() + ": expected an integer as '" + key + "', got '" + text(key) + "'");
}

double CaseFile::real(const std::string& key, double otherwise) const {
  if (!has(key)) return otherwise;
  const auto number =
      parsed([](const std::string& value, std::size_t* used) { return std::stod(value, used); }, text(key));
  if (number) return *number;
  throw std::runtime_error(path() + ": expected a number as '" + key + "', got '" + text(key) + "'");
}

bool CaseFile::boolean(const std::string& key, bool otherwise) const {
  const std::string value = text(key, otherwise ? "true" : "false");
  if (value == "true" || value == "True") return true;
  if (value == "false" || value == "False") return false;
  throw std::runtime_error(path() + ": expected true or false as '" + key + "', got '" + value + "'");
}

std::string CaseFile::resolve(const std::string& file) const {
  std::string tried;
  // From the case's folder upwards: a project's tests/goldens lies two levels below its configs.
  for (const fs::path& base : {fs::absolute(path()).parent_path(), fs::current_path()}) {
    for (fs::path folder = base;; folder = folder.parent_path()) {
      if (fs::exists(folder / file)) return (folder / file).string();
      if (folder == folder.parent_path()) break;
    }
    tried += (tried.empty() ? "" : " and ") + base.string();
  }
  throw std::runtime_error(path() + ": expected the file '" + file + "' in or above " + tried +
                           ", found none");
}

}  // namespace ldm::parity
