#include "ldm/ops/cpu/takes.h"

#include <ATen/ATen.h>
#include <ATen/autocast_mode.h>

#include <algorithm>

#include "ldm/ops/cpu/products.h"

namespace ldm::ops::cpu {

namespace {

/// Whether these are all of the first one's type, and such as the fast versions on the CPU may take.
bool suit(std::initializer_list<at::Tensor> tensors) {
  if (at::autocast::is_autocast_enabled(at::kCPU)) return false;
  const at::ScalarType type = tensors.begin()->scalar_type();
  return std::all_of(tensors.begin(), tensors.end(), [type](const at::Tensor& tensor) {
    return tensor.is_cpu() && tensor.scalar_type() == type && tensor.layout() == at::kStrided &&
           tensor.numel() > 0 && !(at::GradMode::is_enabled() && tensor.requires_grad());
  });
}

}  // namespace

bool takes(std::initializer_list<at::Tensor> tensors) {
  const at::ScalarType type = tensors.begin()->scalar_type();
  return (type == at::kFloat || type == at::kBFloat16) && suit(tensors);
}

bool widens(std::initializer_list<at::Tensor> tensors) {
  const at::ScalarType type = tensors.begin()->scalar_type();
  return (type == at::kHalf || (type == at::kBFloat16 && !multiplies_bf16())) && suit(tensors);
}

at::Tensor widened(const at::Tensor& tensor) {
  return tensor.defined() ? tensor.to(at::kFloat) : tensor;
}

}  // namespace ldm::ops::cpu
