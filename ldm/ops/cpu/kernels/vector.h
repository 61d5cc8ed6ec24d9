#pragma once

// Vectors of the widest registers of the instruction set that this file is compiled for. Everything is local
// to the file that includes it: a function that the linker may share between files, compiled here for
// AVX-512, would end up in programs that run without it. So no header of the C++ library here either.

#include <stdint.h>
#include <string.h>

#include "ldm/ops/cpu/kernels.h"

namespace ldm::ops::cpu::LDM_ISA {
namespace {

constexpr int64_t kLanes = LDM_VECTOR_BYTES / sizeof(float);

typedef float Vector __attribute__((vector_size(LDM_VECTOR_BYTES)));
typedef int32_t Integers __attribute__((vector_size(LDM_VECTOR_BYTES)));
typedef uint32_t Words __attribute__((vector_size(LDM_VECTOR_BYTES)));
typedef uint16_t Halves __attribute__((vector_size(LDM_VECTOR_BYTES / 2)));

inline Vector load(const float* from) {
  Vector v;
  memcpy(&v, from, sizeof v);
  return v;
}

inline void store(float* to, Vector v) {
  memcpy(to, &v, sizeof v);
}

inline Vector load(const Bf16* from) {
  Halves halves;
  memcpy(&halves, from, sizeof halves);
  return (Vector)(__builtin_convertvector(halves, Words) << 16);
}

/// The bits of the bfloat16 that is nearest, the even one of two. NaN stays NaN.
inline Words to_bf16(Vector v) {
  const Words bits = (Words)v;
  const Words rounded = (bits + 0x7fff + ((bits >> 16) & 1)) >> 16;
  return v != v ? (bits >> 16) | 0x40 : rounded;
}

inline void store(Bf16* to, Vector v) {
  const Halves halves = __builtin_convertvector(to_bf16(v), Halves);
  memcpy(to, &halves, sizeof halves);
}

/// The first `lanes` values from `from`, the others zero.
template <typename T>
inline Vector load_some(const T* from, int64_t lanes) {
  if (lanes == kLanes) return load(from);
  T values[kLanes] = {};
  memcpy(values, from, static_cast<size_t>(lanes) * sizeof(T));
  return load(values);
}

template <typename T>
inline void store_some(T* to, Vector v, int64_t lanes) {
  if (lanes == kLanes) return store(to, v);
  T values[kLanes];
  store(values, v);
  memcpy(to, values, static_cast<size_t>(lanes) * sizeof(T));
}

inline Vector fill(float value) {
  return Vector{} + value;
}

inline Vector maximum(Vector a, Vector b) {
  return a > b ? a : b;
}

/// 2^x within 2e-7 of its value for x in [-126, 126]; beyond, the value at the end. NaN stays NaN.
inline Vector exp2(Vector x) {
  x = x < -126.0f ? fill(-126.0f) : x;
  x = x > 126.0f ? fill(126.0f) : x;
  // Adding 1.5 * 2^23 rounds to a whole number, which then stands in the low bits.
  const Vector shifted = x + 12582912.0f;
  const Vector f = x - (shifted - 12582912.0f);
  // Taylor's series of 2^f for |f| <= 1/2: ln(2)^n / n!.
  Vector p = fill(1.5403530e-4f);
  p = p * f + 1.3333558e-3f;
  p = p * f + 9.6181291e-3f;
  p = p * f + 5.5504109e-2f;
  p = p * f + 2.4022651e-1f;
  p = p * f + 6.9314718e-1f;
  p = p * f + 1.0f;
  const Integers exponent = ((Integers)shifted + 127) << 23;
  return p * (Vector)exponent;
}

/// Exchanges, between rows i and i + kStep, what lies off the diagonal of their kStep x kStep blocks.
template <int kStep>
inline void exchange(Vector* rows) {
  Integers upper, lower;
  for (int lane = 0; lane < kLanes; ++lane) {
    const bool first = lane / kStep % 2 == 0;
    upper[lane] = first ? lane : lane - kStep + static_cast<int>(kLanes);
    lower[lane] = first ? lane + kStep : lane + static_cast<int>(kLanes);
  }
  for (int i = 0; i < kLanes; ++i) {
    if (i / kStep % 2 != 0) continue;
    const Vector a = rows[i], b = rows[i + kStep];
    rows[i] = __builtin_shuffle(a, b, upper);
    rows[i + kStep] = __builtin_shuffle(a, b, lower);
  }
}

/// rows[i][j] -> rows[j][i].
inline void transpose_block(Vector* rows) {
  if constexpr (kLanes > 8) exchange<8>(rows);
  if constexpr (kLanes > 4) exchange<4>(rows);
  exchange<2>(rows);
  exchange<1>(rows);
}

}  // namespace
}  // namespace ldm::ops::cpu::LDM_ISA
