#include "ldm/ops/linear.h"

#include <ATen/ATen.h>

#include "ldm/ops/cpu/takes.h"
#include "ldm/ops/onednn.h"

namespace ldm::ops {

at::Tensor linear(const at::Tensor& x, const at::Tensor& weight, const at::Tensor& bias) {
  if (cpu::widens({x, weight})) {
    return linear(cpu::widened(x), cpu::widened(weight), cpu::widened(bias)).to(x.scalar_type());
  }
  if (onednn_takes(x, weight, bias)) return onednn_linear(x, weight, bias);
  return at::linear(x, weight, bias);
}

}  // namespace ldm::ops
