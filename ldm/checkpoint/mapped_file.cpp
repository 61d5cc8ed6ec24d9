#include "ldm/checkpoint/mapped_file.h"

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <utility>

#include "ldm/checkpoint/error.h"

namespace ldm::checkpoint {
namespace {

[[noreturn]] void fail(const std::string& path, const std::string& what) {
  throw CheckpointError("'" + path + "': expected a checkpoint file, got " + what);
}

/// A file descriptor that closes itself.
struct Descriptor {
  int fd;
  ~Descriptor() {
    if (fd >= 0) ::close(fd);
  }
};

std::size_t regular_file_size(const std::string& path, int fd) {
  struct stat status {};
  if (::fstat(fd, &status) != 0) fail(path, std::string("an error from fstat: ") + std::strerror(errno));
  if (S_ISDIR(status.st_mode)) fail(path, "a directory: name the .ckpt or .safetensors file inside it");
  if (!S_ISREG(status.st_mode)) fail(path, "something that is not a regular file (a pipe or a device)");
  if (status.st_size == 0) fail(path, "an empty file: download it again");
  return static_cast<std::size_t>(status.st_size);
}

}  // namespace

MappedFile::MappedFile(std::string path, std::uint8_t* data, std::size_t size)
    : path_(std::move(path)), data_(data), size_(size) {}

MappedFile::~MappedFile() {
  ::munmap(data_, size_);
}

std::shared_ptr<MappedFile> MappedFile::open(const std::string& path) {
  // O_NONBLOCK: opening a pipe that nobody writes to must fail, not wait.
  const Descriptor file{::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK)};
  if (file.fd < 0) {
    if (errno == ENOENT) fail(path, "nothing: there is no such file");
    fail(path, std::string("an error on opening it: ") + std::strerror(errno));
  }
  const std::size_t size = regular_file_size(path, file.fd);
  // MAP_NORESERVE: weights larger than the free memory may be mapped; only pages that are written to cost
  // any.
  void* data = ::mmap(nullptr, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_NORESERVE, file.fd, 0);
  if (data == MAP_FAILED) fail(path, std::string("an error on mapping it: ") + std::strerror(errno));
  return std::shared_ptr<MappedFile>(new MappedFile(path, static_cast<std::uint8_t*>(data), size));
}

}  // namespace ldm::checkpoint
