#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>

namespace ldm::checkpoint {

/// A regular file mapped into memory, readable and writable, privately: a write to the memory (an optimiser
/// step on a parameter that was bound to the file) gives this process its own page and never reaches the
/// file. Pages are read when they are first touched. Every tensor that points into the mapping keeps it alive
/// through the shared_ptr. The file may be replaced by another of the same name meanwhile (as our writers
/// do), but a program that cuts it short in place takes the memory away from under its readers.
class MappedFile {
 public:
  /// Maps the whole file. Throws CheckpointError if `path` is missing, not readable, a directory, a pipe or
  /// another thing that is not a regular file, or empty.
  static std::shared_ptr<MappedFile> open(const std::string& path);

  ~MappedFile();
  MappedFile(const MappedFile&) = delete;
  MappedFile& operator=(const MappedFile&) = delete;

  const std::uint8_t* data() const { return data_; }
  /// Length of the file in bytes, at least 1.
  std::size_t size() const { return size_; }
  const std::string& path() const { return path_; }

 private:
  MappedFile(std::string path, std::uint8_t* data, std::size_t size);

  std::string path_;
  std::uint8_t* data_;
  std::size_t size_;
};

}  // namespace ldm::checkpoint
