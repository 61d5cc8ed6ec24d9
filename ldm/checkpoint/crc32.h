#pragma once

#include <cstddef>
#include <cstdint>

namespace ldm::checkpoint {

/// The CRC-32 of zip files over `size` bytes, computed in pieces on several threads.
std::uint32_t crc32_of(const void* data, std::size_t size);

}  // namespace ldm::checkpoint
