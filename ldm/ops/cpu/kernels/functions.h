#pragma once

// The functions behind a table of kernels, for the instruction set that is being compiled for. kernels.h says
// what each does.

#include "ldm/ops/cpu/kernels.h"

namespace ldm::ops::cpu::LDM_ISA {

void winograd_input(const float* map, Map size, Tile tile, float* out, std::int64_t stride);
void winograd_filters(const float* filters, std::int64_t output_stride, std::int64_t outputs,
                      std::int64_t ins, float* out, std::int64_t stride);
void winograd_output(const float* m, std::int64_t stride, const float* bias, float* map, Map size, Tile tile);
void softmax_columns(float* scores, std::int64_t rows, std::int64_t columns, SoftmaxState state);
void scale_columns(float* values, std::int64_t rows, std::int64_t columns, const float* factors);
void transpose(const float* from, std::int64_t from_stride, std::int64_t rows, std::int64_t columns,
               float factor, float* to, std::int64_t to_stride);
void channel_moments(const float* x, std::int64_t pixels, std::int64_t channels, double* sum, double* square);
void scale_shift(const float* x, std::int64_t pixels, std::int64_t channels, const float* scale,
                 const float* shift, bool silu, float* y);
void geglu(const float* values, const float* gates, std::int64_t count, float* out);

}  // namespace ldm::ops::cpu::LDM_ISA
