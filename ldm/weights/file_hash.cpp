#include "ldm/weights/file_hash.h"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <exception>
#include <vector>

#include "ldm/files/error.h"
#include "ldm/weights/hash_cache.h"
#include "ldm/weights/sha256.h"

namespace ldm::weights {
namespace {

constexpr std::size_t kBlock = std::size_t{1} << 22;
constexpr std::uint64_t kOldBegin = 0x100000;
constexpr std::uint64_t kOldSize = 0x10000;

[[noreturn]] void fail(const std::string& path, const std::string& what) {
  throw files::FileError("'" + path + "': expected a file to hash, got " + what);
}

/// A file read from its beginning to its end.
class Reader {
 public:
  explicit Reader(const std::string& path) : path_(path), fd_(::open(path.c_str(), O_RDONLY | O_CLOEXEC)) {
    if (fd_ < 0) fail(path_, std::string("an error on opening it: ") + std::strerror(errno));
  }
  ~Reader() { ::close(fd_); }
  Reader(const Reader&) = delete;
  Reader& operator=(const Reader&) = delete;

  /// Up to `size` bytes; 0 at the end.
  std::size_t read(void* to, std::size_t size) const {
    for (;;) {
      const ssize_t got = ::read(fd_, to, size);
      if (got >= 0) return static_cast<std::size_t>(got);
      if (errno != EINTR) fail(path_, std::string("an error on reading it: ") + std::strerror(errno));
    }
  }

 private:
  const std::string& path_;
  int fd_;
};

FileStamp require_stamp(const std::string& path) {
  const std::optional<FileStamp> stamp = stamp_of(path);
  if (!stamp) fail(path, "nothing that is a regular file");
  return *stamp;
}

/// The part of a block at `offset` of the file that the old hash covers.
void add_old_part(Sha256& old, const std::uint8_t* block, std::uint64_t offset, std::uint64_t size) {
  const std::uint64_t begin = std::max(offset, kOldBegin);
  const std::uint64_t end = std::min(offset + size, kOldBegin + kOldSize);
  if (begin < end) old.add(block + (begin - offset), end - begin);
}

}  // namespace

FileHash compute_hash(const std::string& path, const HashProgress& progress) {
  const FileStamp before = require_stamp(path);
  const Reader reader(path);
  Sha256 whole, old;
  std::vector<std::uint8_t> block(kBlock);
  std::uint64_t done = 0;
  while (const std::size_t size = reader.read(block.data(), block.size())) {
    whole.add(block.data(), size);
    add_old_part(old, block.data(), done, size);
    done += size;
    if (progress) progress(done, before.size);
  }
  if (done != before.size || !(require_stamp(path) == before)) fail(path, "one that changed meanwhile");
  return {whole.hex(), old.hex().substr(0, 8)};
}

std::optional<FileHash> cached_hash(const std::string& path) noexcept {
  try {
    const std::optional<FileStamp> stamp = stamp_of(path);
    return stamp ? find_hash(*stamp) : std::nullopt;
  } catch (const std::exception&) {
    return std::nullopt;
  }
}

FileHash hash_of(const std::string& path, const HashProgress& progress) {
  if (const std::optional<FileHash> kept = cached_hash(path)) return *kept;
  const std::optional<FileStamp> stamp = stamp_of(path);
  FileHash hash = compute_hash(path, progress);
  try {
    // The file as it was before the reading; compute_hash has seen to it that it is still the same.
    if (stamp && stamp_of(path) == stamp) keep_hash(*stamp, hash);
  } catch (const files::FileError&) {
    return hash;  // computed anew next time
  }
  return hash;
}

}  // namespace ldm::weights
