#include "ldm/ops/cpu/takes.h"

#include <ATen/ATen.h>
#include <ATen/autocast_mode.h>

#include <algorithm>

namespace ldm::ops::cpu {

bool takes(std::initializer_list<at::Tensor> tensors) {
  if (at::autocast::is_autocast_enabled(at::kCPU)) return false;
  const at::ScalarType type = tensors.begin()->scalar_type();
  if (type != at::kFloat && type != at::kBFloat16) return false;
  return std::all_of(tensors.begin(), tensors.end(), [type](const at::Tensor& tensor) {
    return tensor.is_cpu() && tensor.scalar_type() == type && tensor.layout() == at::kStrided &&
           tensor.numel() > 0 && !(at::GradMode::is_enabled() && tensor.requires_grad());
  });
}

}  // namespace ldm::ops::cpu
