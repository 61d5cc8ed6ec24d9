#include "ldm/files/output_file.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <cstring>
#include <random>
#include <utility>

#include "ldm/files/error.h"

namespace ldm::files {
namespace {

constexpr int kNameAttempts = 100;
constexpr std::string_view kTemporaryPrefix = ".ldm-";
constexpr std::string_view kTemporarySuffix = ".tmp";

std::string folder_of(const std::string& path) {
  const std::size_t slash = path.rfind('/');
  return slash == std::string::npos ? std::string("./") : path.substr(0, slash + 1);
}

/// Creates a file with a name that nobody has, with the permissions the user's umask gives; -1 if it cannot
/// be.
int create_temporary(const std::string& folder, std::string& name) {
  std::random_device random;
  for (int attempt = 0; attempt < kNameAttempts; ++attempt) {
    name = folder + temporary_name(random());
    const int fd = ::open(name.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0666);
    if (fd >= 0 || errno != EEXIST) return fd;
  }
  return -1;
}

bool means_full(int error) {
  return error == ENOSPC || error == EDQUOT || error == EFBIG;
}

std::string free_bytes(const std::string& folder) {
  struct statvfs status {};
  if (::statvfs(folder.c_str(), &status) != 0) return "an unknown number of";
  return std::to_string(std::uint64_t{status.f_bavail} * status.f_frsize);
}

void sync_folder(const std::string& folder) {
  // The name itself must reach the disk; a file system that cannot flush folders has its own way.
  const int fd = ::open(folder.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (fd < 0) return;
  ::fsync(fd);
  ::close(fd);
}

/// Takes the name with an empty file of our own and then replaces that: for file systems that know neither
/// renaming without replacement nor hard links. A program killed in between leaves the empty file.
int claim_and_rename(const char* from, const char* to) {
  const int claim = ::open(to, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0666);
  if (claim < 0) return errno;
  ::close(claim);
  if (std::rename(from, to) == 0) return 0;
  const int error = errno;
  ::unlink(to);
  return error;
}

/// Renames a file unless the new name is in use. 0, or the error: EEXIST if it is.
int rename_to_new(const char* from, const char* to) {
  if (::renameat2(AT_FDCWD, from, AT_FDCWD, to, RENAME_NOREPLACE) == 0) return 0;
  if (errno == EEXIST) return errno;
  if (::link(from, to) == 0) {
    ::unlink(from);
    return 0;
  }
  return errno == EEXIST ? errno : claim_and_rename(from, to);
}

}  // namespace

OutputFile::OutputFile(std::string path, std::uint64_t size) : path_(std::move(path)), size_(size) {
  struct stat status {};
  if (::stat(path_.c_str(), &status) == 0 && S_ISDIR(status.st_mode)) fail("open it", EISDIR);
  fd_ = create_temporary(folder_of(path_), temporary_);
  if (fd_ < 0) fail("create a temporary file beside it", errno);
  try {
    reserve();
  } catch (...) {
    ::close(fd_);
    ::unlink(temporary_.c_str());
    throw;
  }
}

OutputFile::~OutputFile() {
  if (fd_ >= 0) {
    ::close(fd_);
    ::unlink(temporary_.c_str());
  }
}

void OutputFile::reserve() {
  if (size_ == 0 || ::fallocate(fd_, 0, 0, static_cast<off_t>(size_)) == 0) return;
  if (errno != EOPNOTSUPP && errno != ENOSYS) fail("reserve its size", errno);
  if (::ftruncate(fd_, static_cast<off_t>(size_)) != 0) fail("set its size", errno);
}

void OutputFile::write_at(std::uint64_t offset, const void* data, std::size_t size) {
  if (offset > size_ || size > size_ - offset) {
    throw WriteError("'" + path_ + "': expected a write inside the " + std::to_string(size_) +
                     " bytes of the file, got " + std::to_string(size) + " bytes at byte " +
                     std::to_string(offset));
  }
  flushed_ = false;
  const char* next = static_cast<const char*>(data);
  while (size > 0) {
    const ssize_t written = ::pwrite(fd_, next, size, static_cast<off_t>(offset));
    if (written < 0 && errno == EINTR) continue;
    if (written <= 0) fail("write it", written == 0 ? EIO : errno);
    next += written;
    offset += static_cast<std::uint64_t>(written);
    size -= static_cast<std::size_t>(written);
  }
}

void OutputFile::flush() {
  // Once, however many names are tried after that.
  if (flushed_) return;
  if (::fsync(fd_) != 0) fail("flush it to the disk", errno);
  flushed_ = true;
}

void OutputFile::close() {
  ::close(fd_);
  fd_ = -1;
  sync_folder(folder_of(path_));
}

void OutputFile::commit() {
  flush();
  if (std::rename(temporary_.c_str(), path_.c_str()) != 0) fail("rename the temporary file to it", errno);
  close();
}

bool OutputFile::commit_as_new(const std::string& path) {
  path_ = path;
  flush();
  const int error = rename_to_new(temporary_.c_str(), path_.c_str());
  if (error == EEXIST) return false;
  if (error != 0) fail("rename the temporary file to it", error);
  close();
  return true;
}

void OutputFile::fail(const std::string& step, int error) const {
  std::string message = "'" + path_ + "': expected to " + step + ", got: " + std::strerror(error);
  if (means_full(error)) {
    message += " (disk full or file too large: " + std::to_string(size_) + " bytes needed, " +
               free_bytes(folder_of(path_)) + " bytes free)";
  }
  throw WriteError(message);
}

void replace_file(const std::string& path, std::string_view bytes) {
  OutputFile file(path, bytes.size());
  file.write_at(0, bytes);
  file.commit();
}

void write_new_file(const std::string& path, std::string_view bytes) {
  OutputFile file(path, bytes.size());
  file.write_at(0, bytes);
  if (!file.commit_as_new(path)) {
    throw WriteError("'" + path +
                     "': expected a name that is not in use, got one that is: nothing is overwritten");
  }
}

void check_writable(const std::string& folder) {
  std::string name;
  const int fd = create_temporary(folder + "/", name);
  if (fd < 0) {
    throw WriteError("'" + folder +
                     "': expected a folder that files can be written to, got: " + std::strerror(errno));
  }
  ::close(fd);
  ::unlink(name.c_str());
}

std::string temporary_name(unsigned number) {
  return std::string(kTemporaryPrefix) + std::to_string(number) + std::string(kTemporarySuffix);
}

bool is_temporary_name(std::string_view name) {
  if (name.size() < kTemporaryPrefix.size() + kTemporarySuffix.size()) return false;
  return name.substr(0, kTemporaryPrefix.size()) == kTemporaryPrefix &&
         name.substr(name.size() - kTemporarySuffix.size()) == kTemporarySuffix;
}

}  // namespace ldm::files
