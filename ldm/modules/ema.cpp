#include "ldm/modules/ema.h"

#include <ATen/ATen.h>

#include <algorithm>
#include <stdexcept>

namespace ldm {

LitEmaImpl::LitEmaImpl(const torch::nn::Module& model, double decay, bool use_num_updates) {
  if (!(decay >= 0.0 && decay <= 1.0)) {
    throw std::invalid_argument("expected an EMA decay in [0, 1], got " + std::to_string(decay));
  }
  register_buffer("decay", at::scalar_tensor(decay, at::kFloat));
  register_buffer("num_updates", at::scalar_tensor(use_num_updates ? 0 : -1, at::kInt));
  for (const auto& item : model.named_parameters()) {
    // One element, expanded: no second copy of the weights before there are any averages.
    register_buffer(shadow_name(item.key()), at::zeros({}, at::kFloat).expand(item.value().sizes()));
  }
}

std::string LitEmaImpl::shadow_name(const std::string& parameter_name) {
  std::string name = parameter_name;
  name.erase(std::remove(name.begin(), name.end(), '.'), name.end());
  return name;
}

void LitEmaImpl::reset(const torch::nn::Module& model) {
  auto averages = named_buffers(/*recurse=*/false);
  for (const auto& item : model.named_parameters()) {
    averages[shadow_name(item.key())].set_data(item.value().detach().clone());
  }
}

void LitEmaImpl::forward(const torch::nn::Module& model) {
  const at::NoGradGuard no_grad;
  auto averages = named_buffers(/*recurse=*/false);
  at::Tensor decay = averages["decay"];
  at::Tensor& num_updates = averages["num_updates"];
  if (num_updates.item<int>() >= 0) {
    num_updates.add_(1);
    // As tensors: the reference divides and compares in float32.
    decay = at::minimum(decay, (1 + num_updates) / (10 + num_updates));
  }
  const at::Tensor one_minus_decay = 1.0 - decay;
  for (const auto& item : model.named_parameters()) {
    at::Tensor& average = averages[shadow_name(item.key())];
    average.sub_(one_minus_decay * (average - item.value()));
  }
}

void LitEmaImpl::copy_to(torch::nn::Module& model) const {
  const at::NoGradGuard no_grad;
  const auto averages = named_buffers(/*recurse=*/false);
  for (auto& item : model.named_parameters()) item.value().copy_(averages[shadow_name(item.key())]);
}

}  // namespace ldm
