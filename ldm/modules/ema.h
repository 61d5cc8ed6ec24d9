#pragma once

#include <ATen/core/Tensor.h>

#include <string>

#include "ldm/modules/module.h"

namespace ldm {

/// ldm.modules.ema.LitEma: exponential moving averages of a model's parameters, held as buffers whose names
/// are the parameters' names without their dots, beside `decay` (float32 []) and `num_updates` (int32 []).
class LitEmaImpl : public Module {
 public:
  /// Declares a buffer for each parameter of `model`: zeros without storage of their own until they are bound
  /// to a checkpoint's tensors or `reset` is called. decay in [0, 1]. With `use_num_updates` the decay is
  /// warmed up by min(decay, (1 + n) / (10 + n)). Throws std::invalid_argument for another decay.
  explicit LitEmaImpl(const torch::nn::Module& model, double decay = 0.9999, bool use_num_updates = true);

  /// The buffer's name for a parameter's name.
  static std::string shadow_name(const std::string& parameter_name);

  /// Starts the averages at the model's present values.
  void reset(const torch::nn::Module& model);
  /// One update after an optimiser step: shadow -= (1 - decay) * (shadow - parameter).
  void forward(const torch::nn::Module& model);
  /// Overwrites the model's parameters with the averages.
  void copy_to(torch::nn::Module& model) const;
  /// The average that belongs to a parameter of the model.
  at::Tensor average_of(const std::string& parameter_name) const {
    return buffer(shadow_name(parameter_name));
  }
};
TORCH_MODULE(LitEma);

}  // namespace ldm
