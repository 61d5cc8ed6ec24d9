#pragma once

#include <cstdint>

namespace ldm::ops::cpu {

/// A bfloat16 as it lies in memory: the upper half of a float32.
struct Bf16 {
  std::uint16_t bits;
};

/// A feature map of one picture in memory: [height, width, channels], dense.
struct Map {
  std::int64_t height, width, channels;
};

/// A 6x6 (in) or 4x4 (out) piece of a map: its upper left pixel, which may lie outside, and `count` channels
/// from where the pointer beside it points.
struct Tile {
  std::int64_t row, column, count;
};

/// State of softmax over pieces of a column: its maximum and its sum so far, and what the last piece made of
/// the former sum. Each holds one value for each column.
struct SoftmaxState {
  float *maximum, *sum, *correction;
};

/// exp(x) is 2^(x * kLog2E), and powers of two are what the loops compute.
inline constexpr float kLog2E = 1.44269504f;

/// Loops over tensors of T (float or Bf16) that compute in float32. A count "in whole vectors" is a multiple
/// of 16. Pointers need no alignment.
template <typename T>
struct TypedKernels {
  /// B^T d B of Winograd's F(4x4, 3x3) for each channel of a tile; pixels outside the map are zero.
  /// out[36] at distances of `stride`, `tile.count` channels (whole vectors) each.
  void (*winograd_input)(const T* map, Map size, Tile tile, float* out, std::int64_t stride);

  /// G g G^T for filters [outputs, ins, 3, 3], whose outputs lie `output_stride` apart -> out[36] at
  /// distances of `stride`, [ins, outputs] each, both counts in whole vectors.
  void (*winograd_filters)(const T* filters, std::int64_t output_stride, std::int64_t outputs,
                           std::int64_t ins, float* out, std::int64_t stride);

  /// A^T m A + bias: m[36] at distances of `stride` -> the pixels of the tile that lie in the map.
  void (*winograd_output)(const float* m, std::int64_t stride, const float* bias, T* map, Map size,
                          Tile tile);

  /// One piece of softmax down the columns of scores [rows, columns] (columns in whole vectors):
  /// powers = 2^(scale * (score - maximum so far)), scale > 0. For float powers [rows, columns], which may be
  /// the scores; for Bf16 [rows / 2 rounded up, columns, 2], the form in which products take their right
  /// side, an odd last row beside zeros.
  void (*softmax_columns)(const float* scores, std::int64_t rows, std::int64_t columns, float scale,
                          SoftmaxState state, T* powers);

  /// from [rows, columns], its rows `from_stride` apart -> to [columns, rows], its rows `to_stride` apart.
  /// Any counts. Of floats the bits stay as they are, so words of any meaning may pass for floats.
  void (*transpose)(const float* from, std::int64_t from_stride, std::int64_t rows, std::int64_t columns,
                    T* to, std::int64_t to_stride);

  /// Adds each channel's values and their squares over `pixels` to sum and square [channels].
  void (*channel_moments)(const T* x, std::int64_t pixels, std::int64_t channels, double* sum,
                          double* square);

  /// y = x * scale + shift by channel, then y * sigmoid(y) if `silu`. x and y [pixels, channels] may be one.
  void (*scale_shift)(const T* x, std::int64_t pixels, std::int64_t channels, const float* scale,
                      const float* shift, bool silu, T* y);

  /// values * gelu(gates), each [count].
  void (*geglu)(const T* values, const T* gates, std::int64_t count, T* out);
};

/// All loops, compiled once for each instruction set.
struct Kernels {
  const char* name;
  TypedKernels<float> of_float;
  TypedKernels<Bf16> of_bf16;

  /// values [rows, columns] times factors [columns], in whole vectors.
  void (*scale_columns)(float* values, std::int64_t rows, std::int64_t columns, const float* factors);

  template <typename T>
  const TypedKernels<T>& of() const;
};

template <>
inline const TypedKernels<float>& Kernels::of<float>() const {
  return of_float;
}
template <>
inline const TypedKernels<Bf16>& Kernels::of<Bf16>() const {
  return of_bf16;
}

/// The fastest set that this processor and ATEN_CPU_CAPABILITY allow.
const Kernels& kernels();

}  // namespace ldm::ops::cpu
