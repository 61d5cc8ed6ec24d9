#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

namespace ldm::checkpoint {

/// How the bytes of tensors come into memory. `on`: the file is mapped and a tensor's pages are read when
/// they are first touched. `off`: each tensor that is asked for is read at once into memory of its own, which
/// some disks and most network file systems do faster; nothing of the weights is lost if the file is cut
/// afterwards. `automatic`: `off` on network and user-space file systems (NFS, SMB, 9p, FUSE, ...), else
/// `on`.
enum class MmapChoice { automatic, on, off };

/// "auto", "on" or "off"; throws std::invalid_argument for anything else.
MmapChoice parse_mmap_choice(const std::string& text);

/// A regular file in memory, readable and writable, privately: a write to the memory (an optimiser step on a
/// parameter that was bound to the file) gives this process its own page and never reaches the file. Every
/// tensor that points into it keeps it alive through the shared_ptr. The file may be replaced by another of
/// the same name meanwhile (as our writers do). A program that cuts it short in place takes the memory away
/// from under its readers: see mapping_guard.h.
class MappedFile {
 public:
  /// Opens the whole file. Throws CheckpointError if `path` is missing, not readable, a directory, a pipe or
  /// another thing that is not a regular file, or empty, and for `on` where the file system cannot map files
  /// (otherwise the file is then read whole).
  static std::shared_ptr<MappedFile> open(const std::string& path, MmapChoice mmap = MmapChoice::automatic);
  /// A copy of bytes that are in memory already, under a name for messages.
  static std::shared_ptr<MappedFile> from_bytes(std::string_view bytes, std::string name);

  ~MappedFile();
  MappedFile(const MappedFile&) = delete;
  MappedFile& operator=(const MappedFile&) = delete;

  /// The tables of the file are read from here; the bytes of tensors only where `keeps_tensors()`.
  const std::uint8_t* data() const { return data_; }
  /// Length of the file in bytes, at least 1.
  std::size_t size() const { return size_; }
  const std::string& path() const { return path_; }

  /// Whether tensors may point into `data()`; if not, `read` gives their bytes.
  bool keeps_tensors() const { return keeps_tensors_; }
  /// Copies bytes of the file, which must lie inside it, to `to`. Throws CheckpointError if the file has
  /// become shorter or cannot be read.
  void read(std::uint64_t offset, void* to, std::size_t size) const;
  /// Has the kernel map these bytes all at once, which is several times faster than page by page as they are
  /// touched. Where it cannot, nothing happens.
  void populate(std::uint64_t offset, std::uint64_t size) const;
  /// Lets go of the memory of bytes that nobody has written to; they are read again when they are touched.
  void release(std::uint64_t offset, std::uint64_t size) const;
  /// Throws CheckpointError if the file was cut short while something read its memory.
  void check_whole() const;

 private:
  MappedFile(std::string path, std::size_t size);

  std::string path_;
  std::size_t size_;
  std::unique_ptr<std::uint8_t[]> copy_;  // the bytes, where they are not mapped
  std::uint8_t* data_ = nullptr;
  bool keeps_tensors_ = true;
  int fd_ = -1;     // kept open where tensors are read
  int guard_ = -1;  // place in the guard's list
};

}  // namespace ldm::checkpoint
