#include "ldm/ops/cpu/products.h"

#include <ATen/ATen.h>
#include <ATen/Context.h>
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

template <>
void end_products<float>() {}

template <>
void end_products<Bf16>() {
  at::native::cpublas::brgemm_release();
}

bool multiplies_bf16() {
  // torch tells nobody whether it can, and throws where it cannot.
  static const bool works = [] {
    const at::Tensor a = at::arange(1, 33, at::kFloat).view({16, 2}).to(at::kBFloat16);
    const at::Tensor b = at::arange(1, 33, at::kFloat).view({2, 16}).to(at::kBFloat16);
    const at::Tensor c = at::empty({16, 16}, at::kFloat), interleaved = b.t().contiguous();
    try {
      at::native::cpublas::brgemm(16, 16, 2, 2, 16, 16, false, a.const_data_ptr<at::BFloat16>(),
                                  interleaved.const_data_ptr<at::BFloat16>(), c.mutable_data_ptr<float>());
      end_products<Bf16>();
    } catch (const std::exception&) {
      return false;
    }
    return c.equal(a.to(at::kFloat).matmul(b.to(at::kFloat)));
  }();
  return works && at::globalContext().userEnabledMkldnn();  // torch asks anew at each product
}

}  // namespace ldm::ops::cpu
