#pragma once

#include <cstdint>
#include <string_view>
#include <type_traits>

#include "ldm/checkpoint/bytes.h"

namespace ldm::checkpoint {

/// Reads the arguments of pickle opcodes one after another, never past the end. All functions throw
/// PickleRefusal.
class PickleCursor {
 public:
  explicit PickleCursor(ByteView bytes) : bytes_(bytes) {}

  std::uint64_t position() const { return at_; }

  /// A little-endian number of the width of T.
  template <typename T>
  T number() {
    require(sizeof(T));
    const T value = load_le<T>(bytes_, at_);
    at_ += sizeof(T);
    return value;
  }
  /// A big-endian IEEE double.
  double big_endian_double();
  /// The next `count` bytes.
  std::string_view take(std::uint64_t count);
  /// Bytes whose count comes first, as a number of the width of T; a negative one is refused.
  template <typename T>
  std::string_view counted() {
    const T count = number<T>();
    if constexpr (std::is_signed_v<T>) {
      if (count < 0) refuse_negative();
    }
    return take(static_cast<std::uint64_t>(count));
  }
  /// The bytes up to the next line feed, which is dropped.
  std::string_view line();

 private:
  void require(std::uint64_t count) const;
  [[noreturn]] static void refuse_negative();

  ByteView bytes_;
  std::uint64_t at_ = 0;
};

}  // namespace ldm::checkpoint
