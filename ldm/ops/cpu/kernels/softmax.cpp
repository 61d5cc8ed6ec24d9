#include "ldm/ops/cpu/kernels/functions.h"
#include "ldm/ops/cpu/kernels/vector.h"

namespace ldm::ops::cpu::LDM_ISA {
namespace {

/// kCount vectors of columns together, so that the processor has independent work.
template <int kCount>
void softmax_piece(float* scores, int64_t rows, int64_t stride, SoftmaxState state) {
  Vector top[kCount], sum[kCount] = {};
  for (int i = 0; i < kCount; ++i) top[i] = load(state.maximum + i * kLanes);
  for (int64_t row = 0; row < rows; ++row) {
    const float* from = scores + row * stride;
    for (int i = 0; i < kCount; ++i) top[i] = maximum(top[i], load(from + i * kLanes));
  }
  for (int64_t row = 0; row < rows; ++row) {
    float* values = scores + row * stride;
    for (int i = 0; i < kCount; ++i) {
      const Vector power = exp2(load(values + i * kLanes) - top[i]);
      store(values + i * kLanes, power);
      sum[i] += power;
    }
  }
  for (int i = 0; i < kCount; ++i) {
    const Vector correction = exp2(load(state.maximum + i * kLanes) - top[i]);
    store(state.correction + i * kLanes, correction);
    store(state.sum + i * kLanes, load(state.sum + i * kLanes) * correction + sum[i]);
    store(state.maximum + i * kLanes, top[i]);
  }
}

SoftmaxState from_column(SoftmaxState state, int64_t column) {
  return {state.maximum + column, state.sum + column, state.correction + column};
}

}  // namespace

void softmax_columns(float* scores, int64_t rows, int64_t columns, SoftmaxState state) {
  int64_t column = 0;
  for (; column + 4 * kLanes <= columns; column += 4 * kLanes) {
    softmax_piece<4>(scores + column, rows, columns, from_column(state, column));
  }
  for (; column < columns; column += kLanes) {
    softmax_piece<1>(scores + column, rows, columns, from_column(state, column));
  }
}

void scale_columns(float* values, int64_t rows, int64_t columns, const float* factors) {
  for (int64_t row = 0; row < rows; ++row) {
    float* line = values + row * columns;
    for (int64_t column = 0; column < columns; column += kLanes) {
      store(line + column, load(line + column) * load(factors + column));
    }
  }
}

void transpose(const float* from, int64_t from_stride, int64_t rows, int64_t columns, float factor, float* to,
               int64_t to_stride) {
  const int64_t whole_rows = rows / kLanes * kLanes, whole_columns = columns / kLanes * kLanes;
  for (int64_t row = 0; row < whole_rows; row += kLanes) {
    for (int64_t column = 0; column < whole_columns; column += kLanes) {
      Vector block[kLanes];
      for (int64_t i = 0; i < kLanes; ++i) block[i] = load(from + (row + i) * from_stride + column);
      transpose_block(block);
      for (int64_t i = 0; i < kLanes; ++i) store(to + (column + i) * to_stride + row, block[i] * factor);
    }
  }
  for (int64_t row = 0; row < rows; ++row) {
    for (int64_t column = row < whole_rows ? whole_columns : 0; column < columns; ++column) {
      to[column * to_stride + row] = from[row * from_stride + column] * factor;
    }
  }
}

}  // namespace ldm::ops::cpu::LDM_ISA
