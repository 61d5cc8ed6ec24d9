#pragma once

// What the sources of an instruction set give to its table; kernels.h says what each function does. The two
// inline functions of kernels.h are not used here: see vector.h.

#include "ldm/ops/cpu/kernels.h"

namespace ldm::ops::cpu::LDM_ISA {

template <typename T>
struct Winograd {
  static void input(const T* map, Map size, Tile tile, float* out, std::int64_t stride);
  static void filters(const T* from, std::int64_t output_stride, std::int64_t outputs, std::int64_t ins,
                      float* out, std::int64_t stride);
  static void output(const float* m, std::int64_t stride, const float* bias, T* map, Map size, Tile tile);
};

template <typename T>
struct Softmax {
  static void columns(const float* scores, std::int64_t rows, std::int64_t count, float scale,
                      SoftmaxState state, T* powers);
};

template <typename T>
struct Matrix {
  static void transpose(const float* from, std::int64_t from_stride, std::int64_t rows, std::int64_t count,
                        T* to, std::int64_t to_stride);
};

template <typename T>
struct Pointwise {
  static void channel_moments(const T* x, std::int64_t pixels, std::int64_t channels, double* sum,
                              double* square);
  static void scale_shift(const T* x, std::int64_t pixels, std::int64_t channels, const float* scale,
                          const float* shift, bool silu, T* y);
  static void geglu(const T* values, const T* gates, std::int64_t count, T* out);
};

extern template struct Winograd<float>;
extern template struct Winograd<Bf16>;
extern template struct Softmax<float>;
extern template struct Softmax<Bf16>;
extern template struct Matrix<float>;
extern template struct Matrix<Bf16>;
extern template struct Pointwise<float>;
extern template struct Pointwise<Bf16>;

void scale_columns(float* values, std::int64_t rows, std::int64_t columns, const float* factors);

}  // namespace ldm::ops::cpu::LDM_ISA
