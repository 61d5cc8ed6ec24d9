#pragma once

#include <c10/core/CPUAllocator.h>

#include <cstdint>

namespace ldm::ops::cpu {

/// Uninitialised float32 working memory, aligned to 64 bytes, from torch's allocator.
class Scratch {
 public:
  explicit Scratch(std::int64_t count)
      : memory_(c10::GetCPUAllocator()->allocate(static_cast<std::size_t>(count) * sizeof(float))),
        next_(static_cast<float*>(memory_.get())) {}

  /// The next `count` values, a multiple of 16 so that the piece after them is aligned too.
  float* take(std::int64_t count) {
    float* piece = next_;
    next_ += count;
    return piece;
  }

 private:
  c10::DataPtr memory_;
  float* next_;
};

constexpr std::int64_t ceil_divide(std::int64_t a, std::int64_t b) {
  return (a + b - 1) / b;
}

constexpr std::int64_t round_up(std::int64_t a, std::int64_t b) {
  return ceil_divide(a, b) * b;
}

}  // namespace ldm::ops::cpu
