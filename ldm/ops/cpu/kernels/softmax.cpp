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

inline Words load_words(const uint32_t* from) {
  Words v;
  memcpy(&v, from, sizeof v);
  return v;
}

inline void store_words(uint32_t* to, Words v) {
  memcpy(to, &v, sizeof v);
}

inline void store_float(float* to, float value) {
  *to = value;
}

inline void store_float(Bf16* to, float value) {
  store_some(to, fill(value), 1);
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

template <typename T>
void Softmax<T>::transpose(const float* from, int64_t from_stride, int64_t rows, int64_t count, T* to,
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
      store_float(to + column * to_stride + row, from[row * from_stride + column]);
    }
  }
}

template struct Softmax<float>;
template struct Softmax<Bf16>;

void scale_columns(float* values, int64_t rows, int64_t columns, const float* factors) {
  for (int64_t row = 0; row < rows; ++row) {
    float* line = values + row * columns;
    for (int64_t column = 0; column < columns; column += kLanes) {
      store(line + column, load(line + column) * load(factors + column));
    }
  }
}

void transpose_words(const uint32_t* from, int64_t from_stride, int64_t rows, int64_t columns, uint32_t* to,
                     int64_t to_stride) {
  const int64_t whole_rows = rows / kLanes * kLanes, whole_columns = columns / kLanes * kLanes;
  for (int64_t row = 0; row < whole_rows; row += kLanes) {
    for (int64_t column = 0; column < whole_columns; column += kLanes) {
      Vector block[kLanes];
      for (int64_t i = 0; i < kLanes; ++i)
        block[i] = (Vector)load_words(from + (row + i) * from_stride + column);
      transpose_block(block);
      for (int64_t i = 0; i < kLanes; ++i) store_words(to + (column + i) * to_stride + row, (Words)block[i]);
    }
  }
  for (int64_t row = 0; row < rows; ++row) {
    for (int64_t column = row < whole_rows ? whole_columns : 0; column < columns; ++column) {
      to[column * to_stride + row] = from[row * from_stride + column];
    }
  }
}

}  // namespace ldm::ops::cpu::LDM_ISA
