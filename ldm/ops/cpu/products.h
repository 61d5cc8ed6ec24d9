#pragma once

#include <cstdint>

#include "ldm/ops/cpu/kernels.h"

namespace ldm::ops::cpu {

/// c [m, n] (+)= a [m, k] b [k, n], small and dense, in the calling thread: oneDNN's batch-reduce products.
void multiply(std::int64_t m, std::int64_t n, std::int64_t k, const float* a, const float* b, float* c,
              bool add);

/// The same for an even k and b as [k / 2, n, 2]. Only where multiplies_bf16().
void multiply(std::int64_t m, std::int64_t n, std::int64_t k, const Bf16* a, const Bf16* b, float* c,
              bool add);

/// Whether the processor and torch have such products of bfloat16.
bool multiplies_bf16();

/// For a thread that has multiplied elements of T, after the last product: gives back registers that some
/// processors (AMX) reserve. Nothing to do for float.
template <typename T>
void end_products();

}  // namespace ldm::ops::cpu
