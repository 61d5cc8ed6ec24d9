#include "ldm/files/new_folder.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <cstring>
#include <filesystem>
#include <random>
#include <system_error>

#include "ldm/files/error.h"
#include "ldm/files/output_file.h"

namespace ldm::files {
namespace {

namespace fs = std::filesystem;

constexpr int kNameAttempts = 100;

[[noreturn]] void fail(const std::string& path, const std::string& expected, const std::string& got) {
  throw WriteError("'" + path + "': expected " + expected + ", got " + got);
}

[[noreturn]] void fail_in_use(const std::string& path) {
  fail(path, "a name for a new folder",
       "one that is in use: nothing is overwritten; name another folder, or empty this one");
}

/// Without a slash at the end, which would make its parent the folder itself.
std::string without_slash(std::string path) {
  while (path.size() > 1 && path.back() == '/') path.pop_back();
  return path;
}

/// The names in a folder reach the disk.
void sync_folder(const std::string& folder) {
  const int fd = ::open(folder.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (fd < 0) return;
  ::fsync(fd);
  ::close(fd);
}

std::string parent_of(const std::string& path) {
  const fs::path parent = fs::path(path).parent_path();
  return parent.empty() ? "." : parent.string();
}

}  // namespace

NewFolder::NewFolder(const std::string& path) : path_(without_slash(path)) {
  if (path_.empty()) fail(path_, "a name for a new folder", "an empty one");
  std::error_code error;
  const fs::file_status status = fs::symlink_status(path_, error);
  if (fs::exists(status) && !(fs::is_directory(status) && fs::is_empty(path_, error) && !error)) {
    fail_in_use(path_);
  }
  std::random_device random;
  for (int attempt = 0; attempt < kNameAttempts; ++attempt) {
    temporary_ = (fs::path(parent_of(path_)) / temporary_name(random())).string();
    if (::mkdir(temporary_.c_str(), 0777) == 0) return;
    if (errno != EEXIST) break;
  }
  fail(path_, "to create a temporary folder beside it", std::strerror(errno));
}

NewFolder::~NewFolder() {
  if (committed_) return;
  std::error_code ignored;
  fs::remove_all(temporary_, ignored);
}

std::string NewFolder::create(const std::string& name) const {
  std::string folder = (fs::path(temporary_) / name).string();
  if (::mkdir(folder.c_str(), 0777) != 0) fail(path_, "to create '" + name + "' in it", std::strerror(errno));
  return folder;
}

void NewFolder::commit() {
  sync_folder(temporary_);
  // A rename replaces an empty folder and nothing else.
  if (std::rename(temporary_.c_str(), path_.c_str()) != 0) {
    if (errno == ENOTEMPTY || errno == EEXIST || errno == ENOTDIR) fail_in_use(path_);
    fail(path_, "to give the temporary folder its name", std::strerror(errno));
  }
  committed_ = true;
  sync_folder(parent_of(path_));
}

}  // namespace ldm::files
