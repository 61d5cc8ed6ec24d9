#include "ldm/ops/cpu/products.h"

#include <ATen/ATen.h>
#include <ATen/native/CPUBlas.h>

namespace ldm::ops::cpu {

void multiply(std::int64_t m, std::int64_t n, std::int64_t k, const float* a, const float* b, float* c,
              bool add) {
  at::native::cpublas::brgemm(m, n, k, k, n, n, add, a, b, c);
}

void multiply(std::int64_t m, std::int64_t n, std::int64_t k, const Bf16* a, const Bf16* b, float* c,
              bool add) {
  at::native::cpublas::brgemm(m, n, k, k, n, n, add, reinterpret_cast<const at::BFloat16*>(a),
                              reinterpret_cast<const at::BFloat16*>(b), c, /*is_vnni=*/true);
}

bool multiplies_bf16() {
  return at::native::cpublas::could_pack(at::kBFloat16);
}

template <>
void end_products<float>() {}

template <>
void end_products<Bf16>() {
  at::native::cpublas::brgemm_release();
}

}  // namespace ldm::ops::cpu
