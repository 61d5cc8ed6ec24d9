#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <string>
#include <vector>

#include "ldm/checkpoint/state_dict.h"
#include "ldm/checkpoint/writer.h"

namespace ldm::training {

/// A parameter that training changes, under its name in the state dict.
struct TrainedParameter {
  std::string name;
  at::Tensor tensor;
};

/// Adam with its hyper-parameters; `decoupled` decay of the weights makes it AdamW.
struct OptimizerOptions {
  double beta1 = 0.9, beta2 = 0.999, eps = 1e-8, weight_decay = 0.01;
  bool decoupled = true;
};

/// Adam (Kingma and Ba, 2015) or AdamW (Loshchilov and Hutter, 2019) over torch's fused kernels, with the
/// state and the state dict of torch.optim.Adam and AdamW. Not thread safe.
class Optimizer {
 public:
  /// `parameters` are leaves that require gradients. Throws std::invalid_argument for betas outside [0, 1)
  /// and for a negative eps or weight_decay.
  Optimizer(std::vector<TrainedParameter> parameters, const OptimizerOptions& options);

  const std::vector<TrainedParameter>& parameters() const { return parameters_; }
  /// The gradients of those parameters that have one.
  std::vector<at::Tensor> gradients() const;
  /// Forgets all gradients.
  void zero_grad();
  /// One step with the gradients that are there; a parameter without one is left as it is.
  void step(double learning_rate);

  /// As torch's `state_dict()`: "state" by the parameter's number, and one of "param_groups".
  checkpoint::CkptValue state_dict(double learning_rate, double base_learning_rate) const;
  /// Takes the moments from a checkpoint's `prefix` ("optimizer_states.0"). Throws UnfitError if a tensor
  /// is missing or of another shape, or if the number of parameters differs.
  void load(const checkpoint::StateDict& training_state, const std::string& prefix);

 private:
  /// Those whose parameter has a gradient.
  std::vector<std::size_t> active() const;
  void allocate();

  std::vector<TrainedParameter> parameters_;
  OptimizerOptions options_;
  std::vector<at::Tensor> exp_avgs_, exp_avg_sqs_, steps_;
};

}  // namespace ldm::training
