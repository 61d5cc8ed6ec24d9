#include "ldm/checkpoint/mapped_file.h"

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/vfs.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <stdexcept>
#include <utility>

#include "ldm/checkpoint/error.h"
#include "ldm/checkpoint/mapping_guard.h"

namespace ldm::checkpoint {
namespace {

// Numbers of statfs(2) for file systems on which page faults are slow: NFS, SMB (three), 9p, FUSE, AFS, Ceph,
// VirtualBox's shared folders, Lustre.
constexpr std::array<std::uint32_t, 10> kSlowToMap{0x6969,     0x517b,     0xfe534d42, 0xff534d42,
                                                   0x01021997, 0x65735546, 0x5346414f, 0x00c36400,
                                                   0x786f4256, 0x0bd00bd0};

// MADV_POPULATE_READ, which older headers do not name.
constexpr int kPopulateRead = 22;

[[noreturn]] void fail(const std::string& path, const std::string& what) {
  throw CheckpointError("'" + path + "': expected a checkpoint file, got " + what);
}

/// A file descriptor that closes itself unless it is taken.
struct Descriptor {
  int fd;
  ~Descriptor() {
    if (fd >= 0) ::close(fd);
  }
  int take() { return std::exchange(fd, -1); }
};

std::size_t regular_file_size(const std::string& path, int fd) {
  struct stat status {};
  if (::fstat(fd, &status) != 0) fail(path, std::string("an error from fstat: ") + std::strerror(errno));
  if (S_ISDIR(status.st_mode)) fail(path, "a directory: name the .ckpt or .safetensors file inside it");
  if (!S_ISREG(status.st_mode)) fail(path, "something that is not a regular file (a pipe or a device)");
  if (status.st_size == 0) fail(path, "an empty file: download it again");
  return static_cast<std::size_t>(status.st_size);
}

bool is_slow_to_map(int fd) {
  struct statfs status {};
  if (::fstatfs(fd, &status) != 0) return false;
  const auto type = static_cast<std::uint32_t>(status.f_type);
  return std::find(kSlowToMap.begin(), kSlowToMap.end(), type) != kSlowToMap.end();
}

void read_exactly(const std::string& path, int fd, std::uint64_t offset, void* to, std::size_t size) {
  auto* next = static_cast<std::uint8_t*>(to);
  while (size > 0) {
    const ssize_t got = ::pread(fd, next, size, static_cast<off_t>(offset));
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) fail(path, std::string("an error on reading it: ") + std::strerror(errno));
    if (got == 0) throw_cut_file(path);
    next += got;
    offset += static_cast<std::uint64_t>(got);
    size -= static_cast<std::size_t>(got);
  }
}

}  // namespace

MmapChoice parse_mmap_choice(const std::string& text) {
  if (text == "auto") return MmapChoice::automatic;
  if (text == "on") return MmapChoice::on;
  if (text == "off") return MmapChoice::off;
  throw std::invalid_argument("expected mmap auto, on or off, got '" + text + "'");
}

MappedFile::MappedFile(std::string path, std::size_t size) : path_(std::move(path)), size_(size) {}

MappedFile::~MappedFile() {
  if (fd_ >= 0) ::close(fd_);
  if (copy_ || data_ == nullptr) return;
  unguard_mapping(guard_);
  ::munmap(data_, size_);
}

std::shared_ptr<MappedFile> MappedFile::open(const std::string& path, MmapChoice mmap) {
  // O_NONBLOCK: opening a pipe that nobody writes to must fail, not wait.
  Descriptor descriptor{::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK)};
  if (descriptor.fd < 0) {
    if (errno == ENOENT) fail(path, "nothing: there is no such file");
    fail(path, std::string("an error on opening it: ") + std::strerror(errno));
  }
  const std::size_t size = regular_file_size(path, descriptor.fd);
  const std::shared_ptr<MappedFile> file(new MappedFile(path, size));
  // MAP_NORESERVE: weights larger than the free memory may be mapped; only pages that are written to cost
  // any.
  void* data = ::mmap(nullptr, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_NORESERVE, descriptor.fd, 0);
  if (data == MAP_FAILED) {
    if (mmap == MmapChoice::on) fail(path, std::string("an error on mapping it: ") + std::strerror(errno));
    file->copy_ = std::make_unique<std::uint8_t[]>(size);
    file->data_ = file->copy_.get();
    read_exactly(path, descriptor.fd, 0, file->data_, size);
    return file;
  }
  file->data_ = static_cast<std::uint8_t*>(data);
  file->guard_ = guard_mapping(data, size, path);
  file->keeps_tensors_ =
      mmap == MmapChoice::on || (mmap == MmapChoice::automatic && !is_slow_to_map(descriptor.fd));
  if (!file->keeps_tensors_) file->fd_ = descriptor.take();
  return file;
}

std::shared_ptr<MappedFile> MappedFile::from_bytes(std::string_view bytes, std::string name) {
  if (bytes.empty()) fail(name, "no bytes");
  std::shared_ptr<MappedFile> file(new MappedFile(std::move(name), bytes.size()));
  file->copy_ = std::make_unique<std::uint8_t[]>(bytes.size());
  file->data_ = file->copy_.get();
  std::memcpy(file->data_, bytes.data(), bytes.size());
  return file;
}

void MappedFile::read(std::uint64_t offset, void* to, std::size_t size) const {
  if (fd_ >= 0) return read_exactly(path_, fd_, offset, to, size);
  std::memcpy(to, data_ + offset, size);
  check_whole();
}

void MappedFile::populate(std::uint64_t offset, std::uint64_t size) const {
  if (!keeps_tensors_ || copy_) return;
  const auto page = static_cast<std::uint64_t>(::sysconf(_SC_PAGESIZE));
  const std::uint64_t begin = offset / page * page;
  // An error (a kernel before 5.14, a file that was cut) is no loss: the bytes are mapped when they are
  // touched.
  ::madvise(data_ + begin, offset + size - begin, kPopulateRead);
}

void MappedFile::release(std::uint64_t offset, std::uint64_t size) const {
  release_mapped(data_ + offset, size);
}

void MappedFile::check_whole() const {
  if (is_mapping_cut(guard_)) throw_cut_file(path_);
}

}  // namespace ldm::checkpoint
