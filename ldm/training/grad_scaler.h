#pragma once

#include <ATen/core/Tensor.h>
#include <c10/core/Device.h>

#include <cstdint>
#include <vector>

#include "ldm/checkpoint/state_dict.h"
#include "ldm/checkpoint/writer.h"

namespace ldm::training {

/// torch.amp.GradScaler: float16 gradients underflow, so the loss is multiplied by a scale before the
/// backward pass. A step whose gradients are not finite is skipped and halves the scale; 2000 good ones in a
/// row double it.
class GradScaler {
 public:
  /// The gradients of a run lie on one device.
  explicit GradScaler(c10::Device device);

  /// loss times the scale.
  at::Tensor scale(const at::Tensor& loss) const;
  /// Divides the gradients by the scale, in place. False if one of them is not finite: then this step must be
  /// skipped.
  bool unscale(const std::vector<at::Tensor>& gradients);
  /// Sets the scale for the next step, by what `unscale` found in this one.
  void update();

  double scale_value() const { return scale_.item<double>(); }
  /// As GradScaler.state_dict() in Python, which Lightning keeps under "native_amp_scaling_state".
  checkpoint::CkptValue state_dict() const;
  /// Takes the scale from a checkpoint that has one under `prefix`; else the scale stays as it is.
  void load(const checkpoint::StateDict& training_state, const std::string& prefix);

 private:
  at::Tensor scale_, growth_tracker_, found_inf_;
};

}  // namespace ldm::training
