#include "ldm/checkpoint/zip_contents.h"

#include <zlib.h>

#include <algorithm>
#include <memory>
#include <string>
#include <vector>

#include "ldm/checkpoint/error.h"
#include "ldm/checkpoint/inflate.h"
#include "ldm/checkpoint/zip_format.h"

namespace ldm::checkpoint {
namespace {

constexpr std::uint64_t kPiece = std::uint64_t{1} << 22;  // bytes that are verified at a time

std::uint32_t add_to_crc(std::uint32_t crc, ByteView bytes) {
  return static_cast<std::uint32_t>(crc32_z(crc, bytes.data, bytes.size));
}

void check_crc(const ZipDirectory& zip, std::size_t index, std::uint32_t crc) {
  if (crc == zip.entries()[index].crc) return;
  throw CheckpointError(zip.label(index) + "expected bytes that match their CRC-32, got damaged ones");
}

/// Nothing more may come out of the stream.
void check_end(const ZipDirectory& zip, std::size_t index, Inflater& inflater) {
  std::uint8_t extra = 0;
  if (inflater.read(&extra, 1) == 0 && inflater.at_end()) return;
  throw CheckpointError(zip.label(index) + "expected " + std::to_string(zip.entries()[index].size) +
                        " bytes once unpacked and nothing behind them, got more");
}

void check_count(const ZipDirectory& zip, std::size_t index, std::uint64_t count) {
  const std::uint64_t size = zip.entries()[index].size;
  if (count == size) return;
  throw CheckpointError(zip.label(index) + "expected " + std::to_string(size) + " bytes once unpacked, got " +
                        std::to_string(count));
}

ByteView packed_bytes(const ZipDirectory& zip, std::size_t index) {
  return zip.file().slice(zip.data_offset(index), zip.entries()[index].packed_size);
}

using Done = std::function<void(std::uint64_t, std::uint64_t)>;

std::uint32_t crc_of_stored(ByteView bytes, std::uint64_t begin, const Done& done) {
  std::uint32_t crc = 0;
  for (std::uint64_t at = 0; at < bytes.size; at += kPiece) {
    const std::uint64_t size = std::min<std::uint64_t>(kPiece, bytes.size - at);
    crc = add_to_crc(crc, bytes.slice(at, size));
    done(begin + at, size);
  }
  return crc;
}

std::uint32_t crc_of_packed(const ZipDirectory& zip, std::size_t index, std::uint64_t begin,
                            const Done& done) {
  const std::uint64_t size = zip.entries()[index].size;
  Inflater inflater(packed_bytes(zip, index), zip.label(index));
  std::vector<std::uint8_t> piece(std::min(kPiece, size));
  std::uint32_t crc = 0;
  std::uint64_t count = 0;
  std::uint64_t read = 0;
  while (count < size) {
    const std::size_t got = inflater.read(piece.data(), std::min<std::uint64_t>(piece.size(), size - count));
    if (got == 0) break;
    crc = add_to_crc(crc, {piece.data(), got});
    count += got;
    done(begin + read, inflater.position() - read);
    read = inflater.position();
  }
  check_count(zip, index, count);
  check_end(zip, index, inflater);
  return crc;
}

}  // namespace

UnpackedStorage unpack_zip_entry(const ZipDirectory& zip, std::size_t index) {
  Inflater inflater(packed_bytes(zip, index), zip.label(index));
  // The directory's constructor has held this size against the size of the file.
  auto bytes = std::make_shared<std::vector<std::uint8_t>>(zip.entries()[index].size);
  check_count(zip, index, inflater.read(bytes->data(), bytes->size()));
  check_end(zip, index, inflater);
  check_crc(zip, index, add_to_crc(0, {bytes->data(), bytes->size()}));
  return bytes;
}

ZipBytes read_zip_entry(const ZipDirectory& zip, std::size_t index) {
  if (zip.entries()[index].method == zip::kDeflated) {
    UnpackedStorage bytes = unpack_zip_entry(zip, index);
    const ByteView view{bytes->data(), bytes->size()};
    return {view, std::move(bytes)};
  }
  const ByteView bytes = packed_bytes(zip, index);
  check_crc(zip, index, add_to_crc(0, bytes));
  return {bytes, nullptr};
}

void verify_zip_entry(const ZipDirectory& zip, std::size_t index, const Done& done) {
  const std::uint64_t begin = zip.data_offset(index);
  const bool packed = zip.entries()[index].method == zip::kDeflated;
  check_crc(
      zip, index,
      packed ? crc_of_packed(zip, index, begin, done) : crc_of_stored(packed_bytes(zip, index), begin, done));
}

}  // namespace ldm::checkpoint
