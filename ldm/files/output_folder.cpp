#include "ldm/files/output_folder.h"

#include <filesystem>
#include <system_error>

#include "ldm/files/error.h"
#include "ldm/files/output_file.h"

namespace ldm::files {
namespace {

namespace fs = std::filesystem;

[[noreturn]] void fail(const std::string& path, const std::string& got) {
  throw WriteError("'" + path + "': expected a folder to write to, got " + got);
}

}  // namespace

void create_output_folder(const std::string& path) {
  if (path.empty()) fail(path, "an empty name");
  std::error_code error;
  fs::create_directories(path, error);
  std::error_code ignored;
  if (!fs::is_directory(path, ignored)) {
    if (fs::exists(fs::symlink_status(path, ignored))) fail(path, "something of that name that is no folder");
    fail(path, "an error on creating it: " + error.message());
  }
  check_writable(path);
}

std::int64_t count_entries(const std::string& folder) {
  std::error_code error;
  std::int64_t count = 0;
  for (fs::directory_iterator entry(folder, error), end; !error && entry != end; entry.increment(error)) {
    count += is_temporary_name(entry->path().filename().string()) ? 0 : 1;
  }
  if (error) throw FileError("'" + folder + "': expected a folder that can be read, got: " + error.message());
  return count;
}

std::string join(const std::string& folder, const std::string& name) {
  return (fs::path(folder) / name).string();
}

}  // namespace ldm::files
