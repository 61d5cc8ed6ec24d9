#include "ldm/experiments/claims.h"

#include <fcntl.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

#include "ldm/files/error.h"

namespace ldm::experiments {
namespace {

constexpr std::size_t kDigits = 15;  // 60 bits: what fits in a file's positive offsets
constexpr off_t kPresence = 0;       // the byte that every process holds, shared

off_t place_of(const std::string& key) {
  // Never the presence's byte.
  return static_cast<off_t>(std::stoull(key.substr(0, kDigits), nullptr, 16)) + 1;
}

/// False if another process has a lock that excludes this one. Locks belong to the open file, not to the
/// process.
bool set_lock(int fd, short type, off_t place, const std::string& path) {
  struct flock lock {};
  lock.l_type = type;
  lock.l_whence = SEEK_SET;
  lock.l_start = place;
  lock.l_len = 1;
  if (::fcntl(fd, F_OFD_SETLK, &lock) == 0) return true;
  if (errno == EAGAIN || errno == EACCES) return false;
  throw files::WriteError("expected to lock '" + path + "', got: " + std::strerror(errno) +
                          "; the folder's file system must know locks");
}

}  // namespace

Claims::Claims(const std::string& path)
    : path_(path), fd_(::open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0666)) {
  if (fd_ >= 0) return;
  throw files::WriteError("expected to create '" + path + "', got: " + std::strerror(errno));
}

Claims::~Claims() {
  ::close(fd_);
}

bool Claims::try_claim(const std::string& key) {
  return set_lock(fd_, F_WRLCK, place_of(key), path_);
}

void Claims::release(const std::string& key) {
  set_lock(fd_, F_UNLCK, place_of(key), path_);
}

bool Claims::is_alone() {
  const bool alone = set_lock(fd_, F_WRLCK, kPresence, path_);
  set_lock(fd_, F_RDLCK, kPresence, path_);
  return alone;
}

}  // namespace ldm::experiments
