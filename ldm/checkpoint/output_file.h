#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

namespace ldm::checkpoint {

/// A file that appears under its name only when it is whole: written under a temporary name in the same
/// folder, then flushed to the disk and renamed by `commit`. An object that goes without a commit removes the
/// temporary file. A file that had the name before stays whole until the rename, and mapped memory of it
/// stays valid after.
class OutputFile {
 public:
  /// Creates the temporary file and reserves `size` bytes, so that a full disk shows before any work is done.
  /// Throws CheckpointError if the folder is missing or not writable, `path` is a directory, or the disk is
  /// full (with the bytes needed and the bytes free).
  OutputFile(std::string path, std::uint64_t size);
  ~OutputFile();
  OutputFile(const OutputFile&) = delete;
  OutputFile& operator=(const OutputFile&) = delete;

  /// Writes bytes at a position; they must lie inside the size. Throws CheckpointError.
  void write_at(std::uint64_t offset, const void* data, std::size_t size);
  void write_at(std::uint64_t offset, std::string_view bytes) {
    write_at(offset, bytes.data(), bytes.size());
  }

  /// Flushes, renames. Throws CheckpointError; the temporary file is removed then too.
  void commit();

 private:
  void reserve();
  [[noreturn]] void fail(const std::string& step, int error) const;

  std::string path_;
  std::string temporary_;
  std::uint64_t size_;
  int fd_ = -1;
};

}  // namespace ldm::checkpoint
