#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace ldm::checkpoint {

/// Lays out a zip file before any of it is written: entries are added with their sizes, positions follow, and
/// the headers can be made once the CRCs are known. The data of each entry begins at a multiple of 64 bytes.
/// Sizes and positions from 4 GiB on, and more than 65534 entries, are told by zip64 records.
class ZipPlan {
 public:
  /// Adds an entry behind the last one and gives its index. `name` must not be there already (not checked)
  /// nor be longer than 65535 bytes. Throws CheckpointError if it is longer.
  std::size_t add(const std::string& name, std::uint64_t size) {
    return add_entry({name, size, size, false, 0, 0});
  }
  /// The same for an entry of `size` bytes that takes `packed` bytes in the file, being deflated. `size` must
  /// be below 4 GiB (not checked).
  std::size_t add_deflated(const std::string& name, std::uint64_t size, std::uint64_t packed) {
    return add_entry({name, size, packed, true, 0, 0});
  }

  /// First byte of an entry's data in the file.
  std::uint64_t data_offset(std::size_t index) const { return entries_[index].data; }
  /// Where an entry's local header goes, and its bytes, given the CRC-32 of the data.
  std::uint64_t header_offset(std::size_t index) const { return entries_[index].header; }
  std::string local_header(std::size_t index, std::uint32_t crc) const;
  /// Where the directory goes: behind the last entry.
  std::uint64_t directory_offset() const { return end_; }
  /// The directory and the end records, given the CRC-32 of every entry.
  std::string directory(const std::vector<std::uint32_t>& crcs) const;
  /// Bytes of the whole file.
  std::uint64_t file_size() const;

 private:
  struct Entry {
    std::string name;
    std::uint64_t size;    ///< of the data
    std::uint64_t packed;  ///< of the data in the file
    bool is_deflated;
    std::uint64_t header;
    std::uint64_t data;
  };
  std::size_t add_entry(Entry entry);
  static void append_common(std::string& out, const Entry& entry, std::uint32_t crc, std::uint16_t version);
  std::string central_header(const Entry& entry, std::uint32_t crc) const;
  std::string end_records(std::uint64_t directory_size) const;

  std::vector<Entry> entries_;
  std::uint64_t end_ = 0;
};

}  // namespace ldm::checkpoint
