#include "ldm/training/mean_log.h"

#include <ATen/ATen.h>

namespace ldm::training {

void MeanLog::add(const std::map<std::string, at::Tensor>& values, double weight) {
  for (const auto& [name, value] : values) {
    const at::Tensor weighted = value.detach().to(at::kDouble) * weight;
    auto& [sum, total] = sums_[name];
    sum = sum.defined() ? sum + weighted : weighted;
    total += weight;
  }
}

Metrics MeanLog::take() {
  Metrics means;
  for (const auto& [name, sum] : sums_) means[name] = sum.first.item<double>() / sum.second;
  sums_.clear();
  return means;
}

}  // namespace ldm::training
