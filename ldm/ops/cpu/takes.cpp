#include "ldm/ops/cpu/takes.h"

#include <ATen/ATen.h>
#include <ATen/autocast_mode.h>

#include <algorithm>

namespace ldm::ops::cpu {

bool takes_float32(std::initializer_list<at::Tensor> tensors) {
  if (at::autocast::is_autocast_enabled(at::kCPU)) return false;
  return std::all_of(tensors.begin(), tensors.end(), [](const at::Tensor& tensor) {
    return tensor.is_cpu() && tensor.scalar_type() == at::kFloat && tensor.layout() == at::kStrided &&
           tensor.numel() > 0 && !(at::GradMode::is_enabled() && tensor.requires_grad());
  });
}

}  // namespace ldm::ops::cpu
