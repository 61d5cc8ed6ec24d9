#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>

#include "ldm/checkpoint/bytes.h"

namespace ldm::checkpoint {

/// Unpacks a raw deflate stream (RFC 1951, as zip files hold it) piece by piece, in memory that does not grow
/// with the data.
class Inflater {
 public:
  /// `packed` must outlive this; `label` begins the messages.
  Inflater(ByteView packed, std::string label);
  ~Inflater();
  Inflater(const Inflater&) = delete;
  Inflater& operator=(const Inflater&) = delete;

  /// Unpacks the next `room` bytes to `to`; fewer only where the stream ends. Throws CheckpointError if the
  /// stream is damaged or goes on behind the packed bytes.
  std::size_t read(std::uint8_t* to, std::size_t room);
  /// Whether the stream has ended with the last packed byte.
  bool at_end() const;
  /// Packed bytes that were read.
  std::uint64_t position() const;

 private:
  struct Stream;

  ByteView packed_;
  std::string label_;
  std::unique_ptr<Stream> stream_;
};

}  // namespace ldm::checkpoint
