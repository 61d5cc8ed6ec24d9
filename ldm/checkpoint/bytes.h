#pragma once

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <string>
#include <string_view>

#include "ldm/files/text.h"

namespace ldm::checkpoint {

static_assert(__BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__, "checkpoints are read in place as little-endian");

/// A run of bytes owned by somebody else, usually part of a mapped file.
struct ByteView {
  const std::uint8_t* data = nullptr;
  std::size_t size = 0;

  /// Whether `count` bytes from `offset` on lie inside; correct for every pair of values.
  bool holds(std::uint64_t offset, std::uint64_t count) const {
    return offset <= size && count <= size - offset;
  }
  /// `count` bytes from `offset` on; the caller has asked `holds` first.
  ByteView slice(std::uint64_t offset, std::uint64_t count) const {
    return {data + offset, static_cast<std::size_t>(count)};
  }
  std::string_view text() const { return {reinterpret_cast<const char*>(data), size}; }
};

/// A little-endian number at `offset`, which needs no alignment; the caller has asked `holds` first.
template <typename T>
T load_le(ByteView bytes, std::uint64_t offset) {
  T value;
  std::memcpy(&value, bytes.data + offset, sizeof(T));
  return value;
}

/// Appends a number in little-endian order.
template <typename T>
void append_le(std::string& out, T value) {
  out.append(reinterpret_cast<const char*>(&value), sizeof(T));
}

using files::is_utf8;
using files::printable;

}  // namespace ldm::checkpoint
