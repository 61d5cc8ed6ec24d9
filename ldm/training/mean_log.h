#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <map>
#include <string>
#include <utility>

#include "ldm/training/metrics_file.h"

namespace ldm::training {

/// Means of values that come batch by batch. Values stay on their device until somebody asks.
class MeanLog {
 public:
  /// Adds the values of a batch, scalars, that count `weight` times.
  void add(const std::map<std::string, at::Tensor>& values, double weight = 1);
  /// The means since the last call, which are then forgotten.
  Metrics take();

 private:
  std::map<std::string, std::pair<at::Tensor, double>> sums_;  // float64 sum and weight
};

}  // namespace ldm::training
