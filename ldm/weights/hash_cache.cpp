#include "ldm/weights/hash_cache.h"

#include <sys/stat.h>

#include <cstdlib>
#include <filesystem>
#include <nlohmann/json.hpp>
#include <system_error>

#include "ldm/files/error.h"
#include "ldm/files/input_file.h"
#include "ldm/files/output_file.h"
#include "ldm/files/output_folder.h"

namespace ldm::weights {
namespace {

namespace fs = std::filesystem;
using nlohmann::json;

constexpr std::uint64_t kMaxCache = std::uint64_t{1} << 24;
constexpr std::size_t kShaDigits = 64;
constexpr std::size_t kOldDigits = 8;

std::string absolute_variable(const char* name) {
  const char* value = std::getenv(name);  // NOLINT(concurrency-mt-unsafe): nothing here sets variables
  return value != nullptr && value[0] == '/' ? value : "";
}

bool is_hex(const std::string& text, std::size_t digits) {
  return text.size() == digits && text.find_first_not_of("0123456789abcdef") == std::string::npos;
}

/// The cache's entries by path; an empty object for a cache that is missing or damaged.
json read_cache() {
  const std::string path = hash_cache_path();
  std::error_code error;
  if (path.empty() || !fs::is_regular_file(path, error)) return json::object();
  try {
    json cache = json::parse(files::read_file(path, "a cache of hashes", kMaxCache), nullptr, false);
    return cache.is_object() ? cache : json::object();
  } catch (const files::FileError&) {
    return json::object();
  }
}

/// An entry as the stamp and the hash it holds; none if anything in it is not as we write it.
std::optional<FileHash> parse_entry(const json& entry, const FileStamp& stamp) {
  if (!entry.is_object()) return std::nullopt;
  const auto number = [&](const char* key) { return entry.contains(key) ? entry[key] : json(); };
  const auto text = [&](const char* key) {
    return entry.contains(key) && entry[key].is_string() ? entry[key].get<std::string>() : "";
  };
  if (number("size") != json(stamp.size) || number("mtime") != json(stamp.mtime)) return std::nullopt;
  const FileHash hash{text("sha256"), text("old")};
  if (!is_hex(hash.sha256, kShaDigits) || !is_hex(hash.old_short, kOldDigits)) return std::nullopt;
  return hash;
}

}  // namespace

std::optional<FileStamp> stamp_of(const std::string& path) {
  std::error_code error;
  const fs::path real = fs::canonical(path, error);
  struct stat status {};
  if (error || ::stat(real.c_str(), &status) != 0 || !S_ISREG(status.st_mode)) return std::nullopt;
  constexpr std::int64_t kNanoseconds = 1'000'000'000;
  return FileStamp{real.string(), static_cast<std::uint64_t>(status.st_size),
                   static_cast<std::int64_t>(status.st_mtim.tv_sec) * kNanoseconds + status.st_mtim.tv_nsec};
}

std::string hash_cache_path() {
  const std::string cache = absolute_variable("XDG_CACHE_HOME");
  if (!cache.empty()) return cache + "/ldm/hashes.json";
  const std::string home = absolute_variable("HOME");
  return home.empty() ? "" : home + "/.cache/ldm/hashes.json";
}

std::optional<FileHash> find_hash(const FileStamp& stamp) {
  const json cache = read_cache();
  const auto entry = cache.find(stamp.path);
  return entry == cache.end() ? std::nullopt : parse_entry(*entry, stamp);
}

void keep_hash(const FileStamp& stamp, const FileHash& hash) {
  const std::string path = hash_cache_path();
  if (path.empty())
    throw files::FileError("expected a folder for hashes from HOME or XDG_CACHE_HOME, got none");
  json cache = read_cache();
  cache[stamp.path] = {
      {"size", stamp.size}, {"mtime", stamp.mtime}, {"sha256", hash.sha256}, {"old", hash.old_short}};
  // Paths may be of any bytes.
  const std::string text = cache.dump(1, ' ', false, json::error_handler_t::replace) + "\n";
  files::create_output_folder(fs::path(path).parent_path().string());
  files::replace_file(path, text);
}

}  // namespace ldm::weights
