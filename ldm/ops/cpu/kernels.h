#pragma once

#include <cstdint>

namespace ldm::ops::cpu {

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

/// Loops over float32 that are compiled once for each instruction set. Pointers need no alignment. A count
/// "in whole vectors" is a multiple of 16.
struct Kernels {
  const char* name;

  /// B^T d B of Winograd's F(4x4, 3x3) for each channel of a tile; pixels outside the map are zero.
  /// out[36] at distances of `stride`, `tile.count` channels (whole vectors) each.
  void (*winograd_input)(const float* map, Map size, Tile tile, float* out, std::int64_t stride);

  /// G g G^T for filters [outputs, ins, 3, 3], whose outputs lie `output_stride` apart -> out[36] at
  /// distances of `stride`, [ins, outputs] each, both counts in whole vectors.
  void (*winograd_filters)(const float* filters, std::int64_t output_stride, std::int64_t outputs,
                           std::int64_t ins, float* out, std::int64_t stride);

  /// A^T m A + bias: m[36] at distances of `stride` -> the pixels of the tile that lie in the map.
  void (*winograd_output)(const float* m, std::int64_t stride, const float* bias, float* map, Map size,
                          Tile tile);

  /// One piece of softmax down the columns of scores [rows, columns] (columns in whole vectors), which are
  /// powers of two's exponents: scores become 2^(score - maximum so far).
  void (*softmax_columns)(float* scores, std::int64_t rows, std::int64_t columns, SoftmaxState state);

  /// values [rows, columns] times factors [columns], in whole vectors.
  void (*scale_columns)(float* values, std::int64_t rows, std::int64_t columns, const float* factors);

  /// from [rows, columns] with its rows `from_stride` apart -> to [columns, rows] times `factor`, its rows
  /// `to_stride` apart. Any counts.
  void (*transpose)(const float* from, std::int64_t from_stride, std::int64_t rows, std::int64_t columns,
                    float factor, float* to, std::int64_t to_stride);

  /// Adds each channel's values and their squares over `pixels` to sum and square [channels].
  void (*channel_moments)(const float* x, std::int64_t pixels, std::int64_t channels, double* sum,
                          double* square);

  /// y = x * scale + shift by channel, then y * sigmoid(y) if `silu`. x and y [pixels, channels] may be one.
  void (*scale_shift)(const float* x, std::int64_t pixels, std::int64_t channels, const float* scale,
                      const float* shift, bool silu, float* y);

  /// values * gelu(gates), each [count].
  void (*geglu)(const float* values, const float* gates, std::int64_t count, float* out);
};

/// The fastest set that this processor and ATEN_CPU_CAPABILITY allow.
const Kernels& kernels();

}  // namespace ldm::ops::cpu
