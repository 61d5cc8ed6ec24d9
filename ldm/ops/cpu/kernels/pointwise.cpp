#include "ldm/ops/cpu/kernels/functions.h"
#include "ldm/ops/cpu/kernels/vector.h"

namespace ldm::ops::cpu::LDM_ISA {
namespace {

typedef double Doubles __attribute__((vector_size(LDM_VECTOR_BYTES)));
typedef float HalfVector __attribute__((vector_size(LDM_VECTOR_BYTES / 2)));
constexpr int64_t kDoubles = LDM_VECTOR_BYTES / sizeof(double);

inline Vector silu(Vector x) {
  return x / (1.0f + exp2(x * -kLog2E));
}

/// x * (1 + erf(x / sqrt(2))) / 2, erf by Abramowitz and Stegun's formula 7.1.26, which is within 1.5e-7.
inline Vector gelu(Vector x) {
  const Vector z = x * 0.70710678f;
  const Vector size = z < 0.0f ? -z : z;
  const Vector t = 1.0f / (1.0f + 0.3275911f * size);
  Vector p = fill(1.061405429f);
  p = p * t - 1.453152027f;
  p = p * t + 1.421413741f;
  p = p * t - 0.284496736f;
  p = p * t + 0.254829592f;
  const Vector tail = p * t * exp2(size * size * -kLog2E);  // 1 - erf(size)
  return 0.5f * x * (z < 0.0f ? tail : 2.0f - tail);
}

/// Calls `function(first, lanes)` for the vectors of [0, count), the last of which may not be whole.
template <typename Function>
inline void for_vectors(int64_t count, Function function) {
  int64_t i = 0;
  for (; i + kLanes <= count; i += kLanes) function(i, kLanes);
  if (i < count) function(i, count - i);
}

inline Doubles load_doubles(const float* from) {
  HalfVector half;
  memcpy(&half, from, sizeof half);
  return __builtin_convertvector(half, Doubles);
}

inline Doubles load_doubles(const Bf16* from) {
  typedef uint16_t QuarterVector __attribute__((vector_size(LDM_VECTOR_BYTES / 4)));
  typedef uint32_t HalfWords __attribute__((vector_size(LDM_VECTOR_BYTES / 2)));
  QuarterVector quarter;
  memcpy(&quarter, from, sizeof quarter);
  return __builtin_convertvector((HalfVector)(__builtin_convertvector(quarter, HalfWords) << 16), Doubles);
}

/// Moments of kCount vectors of channels, whose pixels lie `stride` apart.
template <int kCount, typename T>
void moments_piece(const T* x, int64_t pixels, int64_t stride, double* sum, double* square) {
  Doubles total[kCount] = {}, total_square[kCount] = {};
  for (int64_t pixel = 0; pixel < pixels; ++pixel) {
    for (int i = 0; i < kCount; ++i) {
      const Doubles value = load_doubles(x + pixel * stride + i * kDoubles);
      total[i] += value;
      total_square[i] += value * value;
    }
  }
  for (int64_t c = 0; c < kCount * kDoubles; ++c) {
    sum[c] += total[c / kDoubles][c % kDoubles];
    square[c] += total_square[c / kDoubles][c % kDoubles];
  }
}

}  // namespace

template <typename T>
void Pointwise<T>::channel_moments(const T* x, int64_t pixels, int64_t channels, double* sum,
                                   double* square) {
  int64_t c = 0;
  for (; c + 4 * kDoubles <= channels; c += 4 * kDoubles) {
    moments_piece<4>(x + c, pixels, channels, sum + c, square + c);
  }
  for (; c + kDoubles <= channels; c += kDoubles) {
    moments_piece<1>(x + c, pixels, channels, sum + c, square + c);
  }
  for (; c < channels; ++c) {
    for (int64_t pixel = 0; pixel < pixels; ++pixel) {
      const double value = load_some(x + pixel * channels + c, 1)[0];
      sum[c] += value;
      square[c] += value * value;
    }
  }
}

template <typename T>
void Pointwise<T>::scale_shift(const T* x, int64_t pixels, int64_t channels, const float* scale,
                               const float* shift, bool with_silu, T* y) {
  for (int64_t pixel = 0; pixel < pixels; ++pixel) {
    const T* from = x + pixel * channels;
    T* to = y + pixel * channels;
    for_vectors(channels, [=](int64_t c, int64_t lanes) {
      const Vector value =
          load_some(from + c, lanes) * load_some(scale + c, lanes) + load_some(shift + c, lanes);
      store_some(to + c, with_silu ? silu(value) : value, lanes);
    });
  }
}

template <typename T>
void Pointwise<T>::geglu(const T* values, const T* gates, int64_t count, T* out) {
  for_vectors(count, [=](int64_t i, int64_t lanes) {
    store_some(out + i, load_some(values + i, lanes) * gelu(load_some(gates + i, lanes)), lanes);
  });
}

template struct Pointwise<float>;
template struct Pointwise<Bf16>;

}  // namespace ldm::ops::cpu::LDM_ISA
