#include "ldm/ops/cpu/kernels/functions.h"
#include "ldm/ops/cpu/kernels/vector.h"

namespace ldm::ops::cpu::LDM_ISA {
namespace {

/// Two rows of powers that lie one behind the other.
inline void store_pair(float* to, int64_t stride, Vector first, Vector second) {
  store(to, first);
  store(to + stride, second);
}

/// The same with the rows interleaved: a word holds the first row's value in its lower half.
inline void store_pair(Bf16* to, int64_t, Vector first, Vector second) {
  const Words words = to_bf16(first) | (to_bf16(second) << 16);
  memcpy(to, &words, sizeof words);
}

inline void store_last(float* to, Vector row) {
  store(to, row);
}

inline void store_last(Bf16* to, Vector row) {
  store_pair(to, 0, row, Vector{});
}

/// Values of T that a pair's columns take in memory: columns of a row of floats, of both rows of Bf16.
constexpr int64_t column_step(const float*) {
  return 1;
}
constexpr int64_t column_step(const Bf16*) {
  return 2;
}

/// kCount vectors of columns together, so that the processor has independent work.
template <int kCount, typename T>
void softmax_piece(const float* scores, int64_t rows, int64_t stride, float scale, SoftmaxState state,
                   T* powers) {
  Vector top[kCount], scaled_top[kCount], sum[kCount] = {};
  for (int i = 0; i < kCount; ++i) top[i] = load(state.maximum + i * kLanes);
  for (int64_t row = 0; row < rows; ++row) {
    const float* from = scores + row * stride;
    for (int i = 0; i < kCount; ++i) top[i] = maximum(top[i], load(from + i * kLanes));
  }
  for (int i = 0; i < kCount; ++i) scaled_top[i] = top[i] * scale;
  const auto power = [&](int64_t row, int i) {
    return exp2(load(scores + row * stride + i * kLanes) * scale - scaled_top[i]);
  };
  constexpr int64_t step = column_step(static_cast<const T*>(nullptr));
  int64_t row = 0;
  for (; row + 2 <= rows; row += 2) {
    for (int i = 0; i < kCount; ++i) {
      const Vector first = power(row, i), second = power(row + 1, i);
      store_pair(powers + row * stride + i * kLanes * step, stride, first, second);
      sum[i] += first + second;
    }
  }
  for (int i = 0; row < rows && i < kCount; ++i) {
    const Vector last = power(row, i);
    store_last(powers + row * stride + i * kLanes * step, last);
    sum[i] += last;
  }
  for (int i = 0; i < kCount; ++i) {
    const Vector correction = exp2(load(state.maximum + i * kLanes) * scale - scaled_top[i]);
    store(state.correction + i * kLanes, correction);
    store(state.sum + i * kLanes, load(state.sum + i * kLanes) * correction + sum[i]);
    store(state.maximum + i * kLanes, top[i]);
  }
}

SoftmaxState from_column(SoftmaxState state, int64_t column) {
  return {state.maximum + column, state.sum + column, state.correction + column};
}

}  // namespace

template <typename T>
void Softmax<T>::columns(const float* scores, int64_t rows, int64_t count, float scale, SoftmaxState state,
                         T* powers) {
  constexpr int64_t step = column_step(static_cast<const T*>(nullptr));
  int64_t column = 0;
  for (; column + 4 * kLanes <= count; column += 4 * kLanes) {
    softmax_piece<4>(scores + column, rows, count, scale, from_column(state, column), powers + column * step);
  }
  for (; column < count; column += kLanes) {
    softmax_piece<1>(scores + column, rows, count, scale, from_column(state, column), powers + column * step);
  }
}

template struct Softmax<float>;
template struct Softmax<Bf16>;

}  // namespace ldm::ops::cpu::LDM_ISA
