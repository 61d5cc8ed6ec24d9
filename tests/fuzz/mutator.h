#pragma once

#include <cstddef>
#include <cstdint>
#include <string>

// libFuzzer's own mutation of bytes, for mutators that know a format's structure.
extern "C" std::size_t LLVMFuzzerMutate(std::uint8_t* data, std::size_t size, std::size_t max_size);

namespace ldm::fuzz {

/// `bytes` mutated by libFuzzer; at most `room` bytes longer than before.
inline std::string mutated(std::string bytes, std::size_t room) {
  const std::size_t size = bytes.size();
  bytes.resize(size + room);
  if (bytes.empty()) return bytes;
  bytes.resize(LLVMFuzzerMutate(reinterpret_cast<std::uint8_t*>(bytes.data()), size, bytes.size()));
  return bytes;
}

}  // namespace ldm::fuzz
