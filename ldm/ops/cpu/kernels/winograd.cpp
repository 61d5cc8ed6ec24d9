#include "ldm/ops/cpu/kernels/functions.h"
#include "ldm/ops/cpu/kernels/vector.h"

// Winograd's minimal filtering F(4x4, 3x3): Lavin and Gray, "Fast Algorithms for Convolutional Neural
// Networks", 2015; the matrices by Cook and Toom's construction. With the usual points of interpolation (0,
// 1, -1, 2, -2 and infinity) float32 loses a digit; with 0, +-3/4, +-3/2 and infinity the error is that of a
// direct convolution.

namespace ldm::ops::cpu::LDM_ISA {
namespace {

constexpr float kA = 0.75f, kB = 1.5f;
constexpr float kA2 = kA * kA, kB2 = kB * kB;

/// B^T d: values of the polynomials that vanish at all points but one. Rows `step` apart.
inline void transform_input(const Vector* d, int64_t step, Vector* out) {
  const Vector d0 = d[0], d1 = d[step], d2 = d[2 * step], d3 = d[3 * step], d4 = d[4 * step],
               d5 = d[5 * step];
  out[0] = d4 - (kA2 + kB2) * d2 + (kA2 * kB2) * d0;
  const Vector even_a = d4 - kB2 * d2, odd_a = d3 - kB2 * d1;
  out[step] = even_a + kA * odd_a;
  out[2 * step] = even_a - kA * odd_a;
  const Vector even_b = d4 - kA2 * d2, odd_b = d3 - kA2 * d1;
  out[3 * step] = even_b + kB * odd_b;
  out[4 * step] = even_b - kB * odd_b;
  out[5 * step] = d5 - (kA2 + kB2) * d3 + (kA2 * kB2) * d1;
}

/// G g: the filter's polynomial at each point, over the product of the point's distances to the others.
inline void transform_filter(Vector g0, Vector g1, Vector g2, Vector* out, int64_t step) {
  constexpr float by_zero = 1 / (kA2 * kB2);
  constexpr float by_a = 1 / (2 * kA2 * (kA2 - kB2)), by_b = 1 / (2 * kB2 * (kB2 - kA2));
  out[0] = by_zero * g0;
  const Vector even_a = by_a * (g0 + kA2 * g2), odd_a = (by_a * kA) * g1;
  out[step] = even_a + odd_a;
  out[2 * step] = even_a - odd_a;
  const Vector even_b = by_b * (g0 + kB2 * g2), odd_b = (by_b * kB) * g1;
  out[3 * step] = even_b + odd_b;
  out[4 * step] = even_b - odd_b;
  out[5 * step] = g2;
}

/// A^T m: back from values at the points to four outputs.
inline void transform_output(const Vector* m, int64_t step, Vector* out) {
  const Vector sum_a = m[step] + m[2 * step], difference_a = m[step] - m[2 * step];
  const Vector sum_b = m[3 * step] + m[4 * step], difference_b = m[3 * step] - m[4 * step];
  out[0] = m[0] + sum_a + sum_b;
  out[step] = kA * difference_a + kB * difference_b;
  out[2 * step] = kA2 * sum_a + kB2 * sum_b;
  out[3 * step] = (kA * kA2) * difference_a + (kB * kB2) * difference_b + m[5 * step];
}

}  // namespace

template <typename T>
void Winograd<T>::input(const T* map, Map size, Tile tile, float* out, int64_t stride) {
  for (int64_t c = 0; c < tile.count; c += kLanes) {
    Vector d[36], half[36];
    for (int64_t r = 0; r < 6; ++r) {
      for (int64_t q = 0; q < 6; ++q) {
        const int64_t row = tile.row + r, column = tile.column + q;
        const bool inside = row >= 0 && row < size.height && column >= 0 && column < size.width;
        d[r * 6 + q] = inside ? load(map + (row * size.width + column) * size.channels + c) : Vector{};
      }
    }
    for (int64_t q = 0; q < 6; ++q) transform_input(d + q, 6, half + q);
    for (int64_t r = 0; r < 6; ++r) {
      Vector v[6];
      transform_input(half + r * 6, 1, v);
      for (int64_t q = 0; q < 6; ++q) store(out + (r * 6 + q) * stride + c, v[q]);
    }
  }
}

template <typename T>
void Winograd<T>::filters(const T* from, int64_t output_stride, int64_t outputs, int64_t ins, float* out,
                          int64_t stride) {
  constexpr int64_t kIns = 16;  // whose filters together fill whole vectors
  for (int64_t o = 0; o < outputs; o += kLanes) {
    for (int64_t first = 0; first < ins; first += kIns) {
      Vector columns[kIns * 9];  // [ins, 9], one output to a lane
      for (int64_t c = 0; c < kIns * 9; c += kLanes) {
        for (int64_t lane = 0; lane < kLanes; ++lane) {
          const T* values = from + (o + lane) * output_stride + first * 9 + c;
          __builtin_prefetch(values + kIns * 9);  // the rows are too many for the processor to foresee
          columns[c + lane] = load(values);
        }
        transpose_block(columns + c);
      }
      for (int64_t in = 0; in < kIns; ++in) {
        const Vector* g = columns + in * 9;
        Vector half[18];
        for (int64_t q = 0; q < 3; ++q) transform_filter(g[q], g[3 + q], g[6 + q], half + q, 3);
        for (int64_t r = 0; r < 6; ++r) {
          Vector u[6];
          transform_filter(half[r * 3], half[r * 3 + 1], half[r * 3 + 2], u, 1);
          for (int64_t q = 0; q < 6; ++q)
            store(out + (r * 6 + q) * stride + (first + in) * outputs + o, u[q]);
        }
      }
    }
  }
}

template <typename T>
void Winograd<T>::output(const float* m, int64_t stride, const float* bias, T* map, Map size, Tile tile) {
  for (int64_t c = 0; c < tile.count; c += kLanes) {
    Vector d[36], half[24];
    for (int64_t i = 0; i < 36; ++i) d[i] = load(m + i * stride + c);
    for (int64_t q = 0; q < 6; ++q) transform_output(d + q, 6, half + q);
    const Vector shift = load(bias + c);
    for (int64_t r = 0; r < 4 && tile.row + r < size.height; ++r) {
      Vector y[4];
      transform_output(half + r * 6, 1, y);
      T* to = map + ((tile.row + r) * size.width + tile.column) * size.channels + c;
      for (int64_t q = 0; q < 4 && tile.column + q < size.width; ++q)
        store(to + q * size.channels, y[q] + shift);
    }
  }
}

template struct Winograd<float>;
template struct Winograd<Bf16>;

}  // namespace ldm::ops::cpu::LDM_ISA
