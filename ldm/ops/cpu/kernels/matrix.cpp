#include "ldm/ops/cpu/kernels/functions.h"
#include "ldm/ops/cpu/kernels/vector.h"

namespace ldm::ops::cpu::LDM_ISA {

template <typename T>
void Matrix<T>::transpose(const float* from, int64_t from_stride, int64_t rows, int64_t count, T* to,
                          int64_t to_stride) {
  const int64_t whole_rows = rows / kLanes * kLanes, whole_columns = count / kLanes * kLanes;
  for (int64_t row = 0; row < whole_rows; row += kLanes) {
    for (int64_t column = 0; column < whole_columns; column += kLanes) {
      Vector block[kLanes];
      for (int64_t i = 0; i < kLanes; ++i) block[i] = load(from + (row + i) * from_stride + column);
      transpose_block(block);
      for (int64_t i = 0; i < kLanes; ++i) store(to + (column + i) * to_stride + row, block[i]);
    }
  }
  for (int64_t row = 0; row < rows; ++row) {
    for (int64_t column = row < whole_rows ? whole_columns : 0; column < count; ++column) {
      store_some(to + column * to_stride + row, load_some(from + row * from_stride + column, 1), 1);
    }
  }
}

template struct Matrix<float>;
template struct Matrix<Bf16>;

void scale_columns(float* values, int64_t rows, int64_t columns, const float* factors) {
  for (int64_t row = 0; row < rows; ++row) {
    float* line = values + row * columns;
    for (int64_t column = 0; column < columns; column += kLanes) {
      store(line + column, load(line + column) * load(factors + column));
    }
  }
}

}  // namespace ldm::ops::cpu::LDM_ISA
