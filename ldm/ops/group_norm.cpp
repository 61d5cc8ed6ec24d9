#include "ldm/ops/group_norm.h"

#include <ATen/ATen.h>

#include "ldm/ops/cpu/group_norm.h"

namespace ldm::ops {

at::Tensor group_norm(const at::Tensor& x, std::int64_t groups, const at::Tensor& weight,
                      const at::Tensor& bias, double eps) {
  if (cpu::group_norm_takes(x, weight, bias)) {
    return cpu::group_norm(x, groups, weight, bias, eps, /*silu=*/false);
  }
  return at::group_norm(x, groups, weight, bias, eps);
}

at::Tensor group_norm_silu(const at::Tensor& x, std::int64_t groups, const at::Tensor& weight,
                           const at::Tensor& bias, double eps) {
  if (cpu::group_norm_takes(x, weight, bias)) {
    return cpu::group_norm(x, groups, weight, bias, eps, /*silu=*/true);
  }
  at::Tensor y = at::group_norm(x, groups, weight, bias, eps);
  // In place saves a pass over memory, but autograd needs the normalised values for the backward pass.
  return y.requires_grad() ? at::silu(y) : at::silu_(y);
}

}  // namespace ldm::ops
