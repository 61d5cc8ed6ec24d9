#pragma once

#include <cstdint>
#include <string>
#include <unordered_map>
#include <vector>

#include "ldm/checkpoint/bytes.h"
#include "ldm/checkpoint/error.h"

namespace ldm::checkpoint {

/// One entry of a zip file as its central directory tells it.
struct ZipEntry {
  std::string name;
  std::uint16_t method = 0;  ///< zip::kStored, zip::kDeflated, or one that we do not read
  std::uint16_t flags = 0;
  std::uint32_t crc = 0;            ///< CRC-32 of the unpacked bytes
  std::uint64_t packed_size = 0;    ///< bytes in the file
  std::uint64_t size = 0;           ///< bytes once unpacked
  std::uint64_t header_offset = 0;  ///< byte in the file where the local header begins
  std::uint64_t limit = 0;          ///< byte where the next entry, or the directory, begins
};

/// The end record of a zip file is not where it must be.
class CutZipError : public CheckpointError {
 public:
  using CheckpointError::CheckpointError;
};

/// The table of contents of a zip file (with zip64), which trusts nothing in it: every offset and length is
/// checked against the file, entries may neither overlap nor share a name, names must be relative paths in
/// UTF-8 that lead nowhere else, what compressed entries promise must be in proportion to the file, and the
/// end record must be the last thing in the file. Only the central directory is read on construction. Holds a
/// view: the bytes must outlive it.
class ZipDirectory {
 public:
  /// `path` is for messages. Throws CheckpointError; CutZipError where the end record is missing.
  ZipDirectory(ByteView file, std::string path);

  const std::vector<ZipEntry>& entries() const { return entries_; }
  /// Position in `entries()`, or -1.
  std::int64_t find(const std::string& name) const;
  /// First byte of the data of an entry, stored or deflated; all its `packed_size` bytes lie inside the file
  /// and before the next entry. Reads the local header. Throws CheckpointError if the entry is compressed
  /// otherwise, encrypted, or at odds with that header.
  std::uint64_t data_offset(std::size_t index) const;
  const ByteView& file() const { return file_; }
  /// "'path': zip entry 'name': ", with which messages on an entry begin.
  std::string label(std::size_t index) const;

 private:
  void read_entries(std::uint64_t begin, std::uint64_t size, std::uint64_t count);
  void set_limits(std::uint64_t directory);
  void check_proportion() const;

  ByteView file_;
  std::string path_;
  std::vector<ZipEntry> entries_;
  std::unordered_map<std::string, std::size_t> index_;
};

}  // namespace ldm::checkpoint
