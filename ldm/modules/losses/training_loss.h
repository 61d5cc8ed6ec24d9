#pragma once

#include <ATen/core/Tensor.h>

#include <map>
#include <string>

namespace ldm {

/// A training loss and what the reference logs beside it, under its names ("train/loss_simple", "val/loss",
/// "train/rec_loss", ...). Scalars.
struct TrainingLoss {
  at::Tensor loss;
  std::map<std::string, at::Tensor> log;
};

}  // namespace ldm
