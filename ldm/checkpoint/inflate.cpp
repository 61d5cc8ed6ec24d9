#include "ldm/checkpoint/inflate.h"

#include <zlib.h>

#include <algorithm>
#include <limits>
#include <utility>

#include "ldm/checkpoint/error.h"

namespace ldm::checkpoint {
namespace {

/// zlib counts in 32 bits.
uInt clamp(std::uint64_t count) {
  return static_cast<uInt>(std::min<std::uint64_t>(count, std::numeric_limits<uInt>::max()));
}

}  // namespace

struct Inflater::Stream {
  z_stream z{};
  std::uint64_t handed_in = 0;  // packed bytes that zlib was given
  bool ended = false;
};

Inflater::Inflater(ByteView packed, std::string label)
    : packed_(packed), label_(std::move(label)), stream_(std::make_unique<Stream>()) {
  const int no_header = -MAX_WBITS;
  if (::inflateInit2(&stream_->z, no_header) != Z_OK) {
    throw CheckpointError(label_ + ": expected to start unpacking it, got an error of zlib");
  }
}

Inflater::~Inflater() {
  ::inflateEnd(&stream_->z);
}

std::size_t Inflater::read(std::uint8_t* to, std::size_t room) {
  z_stream& z = stream_->z;
  std::size_t done = 0;
  while (done < room && !stream_->ended) {
    if (z.avail_in == 0) {
      z.avail_in = clamp(packed_.size - stream_->handed_in);
      z.next_in = const_cast<Bytef*>(packed_.data + stream_->handed_in);  // zlib only reads it
      stream_->handed_in += z.avail_in;
    }
    const uInt step = clamp(room - done);
    z.next_out = to + done;
    z.avail_out = step;
    const int status = ::inflate(&z, Z_NO_FLUSH);
    done += step - z.avail_out;
    stream_->ended = status == Z_STREAM_END;
    const bool stuck = status == Z_BUF_ERROR && stream_->handed_in == packed_.size;
    if (status == Z_OK || stream_->ended || (status == Z_BUF_ERROR && !stuck)) continue;
    throw CheckpointError(label_ + ": expected a whole deflate stream, got " +
                          (stuck ? "one that goes on behind its packed bytes"
                                 : "damaged bytes near packed byte " + std::to_string(position())));
  }
  return done;
}

bool Inflater::at_end() const {
  return stream_->ended && position() == packed_.size;
}

std::uint64_t Inflater::position() const {
  return stream_->handed_in - stream_->z.avail_in;
}

}  // namespace ldm::checkpoint
