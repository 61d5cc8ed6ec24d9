#pragma once

#include <cstddef>
#include <string>

namespace ldm::checkpoint {

/// Packs bytes as a raw deflate stream (RFC 1951, as zip files hold it) at zlib's highest level, in memory.
/// Equal bytes give equal streams with the same zlib. Throws CheckpointError if zlib fails, which it does for
/// lack of memory only.
std::string deflate(const void* data, std::size_t size);

}  // namespace ldm::checkpoint
