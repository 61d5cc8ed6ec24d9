#include "ldm/data/jpeg_end.h"

#include <algorithm>
#include <cstdint>

namespace ldm::data {
namespace {

constexpr int kNone = -1, kStartOfImage = 0xD8, kEndOfImage = 0xD9, kTemporary = 0x01;

/// Walks over the markers of a JPEG (ITU-T T.81, annex B).
class Markers {
 public:
  explicit Markers(std::string_view bytes) : bytes_(bytes) {}

  /// The next marker, past entropy-coded data, fill bytes and restart markers; kNone at the end of the bytes.
  int next() {
    while (at_ + 1 < bytes_.size()) {
      if (byte(at_) == 0xFF && is_marker(byte(at_ + 1))) {
        at_ += 2;
        return byte(at_ - 1);
      }
      ++at_;
    }
    return kNone;
  }

  /// Passes over the segment of the marker, whose length of two bytes counts itself.
  void skip_segment() {
    const std::size_t left = bytes_.size() - at_;
    if (left < 2) {
      at_ = bytes_.size();
      return;
    }
    at_ += std::min<std::size_t>(left, static_cast<std::size_t>(byte(at_) << 8 | byte(at_ + 1)));
  }

 private:
  int byte(std::size_t at) const { return static_cast<std::uint8_t>(bytes_[at]); }
  static bool is_marker(int second) {
    const bool stuffed = second == 0x00 || second == 0xFF;
    const bool restart = second >= 0xD0 && second <= 0xD7;
    return !stuffed && !restart;
  }

  std::string_view bytes_;
  std::size_t at_ = 0;
};

}  // namespace

bool is_truncated_jpeg(std::string_view bytes) {
  if (bytes.substr(0, 3) != "\xFF\xD8\xFF") return false;
  Markers markers(bytes);
  for (int marker = markers.next(); marker != kEndOfImage; marker = markers.next()) {
    if (marker == kNone) return true;
    if (marker != kStartOfImage && marker != kTemporary) markers.skip_segment();
  }
  return false;
}

}  // namespace ldm::data
