#include "ldm/checkpoint/deflate.h"

#include <zlib.h>

#include <algorithm>
#include <limits>
#include <memory>

#include "ldm/checkpoint/error.h"

namespace ldm::checkpoint {
namespace {

constexpr int kRawWindowBits = -15;
constexpr int kMemoryLevel = 9;
constexpr std::size_t kRoom = std::size_t{1} << 20;

}  // namespace

std::string deflate(const void* data, std::size_t size) {
  z_stream stream{};
  if (deflateInit2(&stream, Z_BEST_COMPRESSION, Z_DEFLATED, kRawWindowBits, kMemoryLevel,
                   Z_DEFAULT_STRATEGY) != Z_OK) {
    throw CheckpointError("expected zlib to start packing, it could not");
  }
  const std::unique_ptr<z_stream, int (*)(z_stream*)> ending(&stream, &deflateEnd);
  // zlib takes a pointer to bytes that it does not change.
  stream.next_in = static_cast<Bytef*>(const_cast<void*>(data));
  std::string packed, room(kRoom, '\0');
  int status = Z_OK;
  for (std::size_t left = size; status == Z_OK;) {
    if (stream.avail_in == 0 && left > 0) {
      stream.avail_in = static_cast<uInt>(std::min<std::size_t>(left, std::numeric_limits<uInt>::max()));
      left -= stream.avail_in;
    }
    stream.next_out = reinterpret_cast<Bytef*>(room.data());
    stream.avail_out = static_cast<uInt>(room.size());
    status = ::deflate(&stream, left == 0 ? Z_FINISH : Z_NO_FLUSH);
    packed.append(room, 0, room.size() - stream.avail_out);
  }
  if (status != Z_STREAM_END) throw CheckpointError("expected zlib to pack the bytes, it failed");
  return packed;
}

}  // namespace ldm::checkpoint
