#include "ldm/files/input_file.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

#include "ldm/files/error.h"

namespace ldm::files {
namespace {

/// A file that is being read, and the words of what goes wrong with it.
class Input {
 public:
  // O_NONBLOCK: opening a pipe that nobody writes to must fail, not wait.
  Input(const std::string& path, const std::string& what)
      : path_(path), what_(what), fd_(::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK)) {
    if (fd_ >= 0) return;
    if (errno == ENOENT) fail("nothing: there is no such file");
    fail(std::string("an error on opening it: ") + std::strerror(errno));
  }
  ~Input() {
    if (fd_ >= 0) ::close(fd_);
  }
  Input(const Input&) = delete;
  Input& operator=(const Input&) = delete;

  std::uint64_t size(std::uint64_t limit) const {
    struct stat status {};
    if (::fstat(fd_, &status) != 0) fail(std::string("an error from fstat: ") + std::strerror(errno));
    if (S_ISDIR(status.st_mode)) fail("a directory: name a file inside it");
    if (!S_ISREG(status.st_mode)) fail("something that is not a regular file (a pipe or a device)");
    if (status.st_size == 0) fail("an empty file");
    const auto size = static_cast<std::uint64_t>(status.st_size);
    if (size > limit) fail(std::to_string(size) + " bytes, which is more than " + std::to_string(limit));
    return size;
  }

  std::string read(std::uint64_t size) const {
    std::string bytes(static_cast<std::size_t>(size), '\0');
    std::size_t done = 0;
    while (done < bytes.size()) {
      const ssize_t got = ::read(fd_, &bytes[done], bytes.size() - done);
      if (got < 0 && errno == EINTR) continue;
      if (got < 0) fail(std::string("an error on reading it: ") + std::strerror(errno));
      if (got == 0) fail("a file that became shorter while it was read");
      done += static_cast<std::size_t>(got);
    }
    return bytes;
  }

 private:
  [[noreturn]] void fail(const std::string& got) const {
    throw FileError("'" + path_ + "': expected " + what_ + ", got " + got);
  }

  const std::string& path_;
  const std::string& what_;
  int fd_;
};

}  // namespace

std::string read_file(const std::string& path, const std::string& what, std::uint64_t limit) {
  const Input file(path, what);
  return file.read(file.size(limit));
}

}  // namespace ldm::files
