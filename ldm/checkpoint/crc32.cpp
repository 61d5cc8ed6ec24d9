#include "ldm/checkpoint/crc32.h"

#include <zlib.h>

#include <algorithm>
#include <vector>

#include "ldm/checkpoint/parallel_pieces.h"

namespace ldm::checkpoint {
namespace {

constexpr std::size_t kPiece = std::size_t{1} << 21;

std::uint32_t crc_of_piece(const Bytef* data, std::size_t size) {
  return static_cast<std::uint32_t>(crc32_z(0, data, size));
}

}  // namespace

std::uint32_t crc32_of(const void* data, std::size_t size) {
  const auto* bytes = static_cast<const Bytef*>(data);
  const std::size_t pieces = (size + kPiece - 1) / kPiece;
  if (pieces <= 1) return crc_of_piece(bytes, size);
  const auto size_of = [size](std::size_t i) { return std::min(kPiece, size - i * kPiece); };
  std::vector<std::uint32_t> crcs(pieces);
  for_each_piece(pieces, [&](std::size_t i) { crcs[i] = crc_of_piece(bytes + i * kPiece, size_of(i)); });
  uLong crc = crcs[0];
  for (std::size_t i = 1; i < pieces; ++i) {
    crc = crc32_combine(crc, crcs[i], static_cast<z_off_t>(size_of(i)));
  }
  return static_cast<std::uint32_t>(crc);
}

}  // namespace ldm::checkpoint
