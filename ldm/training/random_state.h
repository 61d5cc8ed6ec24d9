#pragma once

#include <ATen/core/Tensor.h>
#include <c10/core/Device.h>

#include <cstdint>

namespace ldm::training {

/// The states of torch's default generators that a run draws from: the CPU's, and that of the run's device.
/// uint8 tensors, as torch.get_rng_state() gives them.
struct RandomState {
  at::Tensor cpu;
  at::Tensor device;  ///< undefined for a run on the CPU

  static RandomState of(c10::Device device);
  /// Puts the generators back to these states. Throws c10::Error for states of another kind of generator.
  void restore(c10::Device device) const;
};

/// pytorch_lightning.seed_everything: seeds the default generators of the CPU and of `device`.
void seed_everything(std::uint64_t seed, c10::Device device);

/// While it lives the default generators draw from another seed; afterwards they go on where they were.
/// Validation and image logs draw in such a scope, so that they change nothing in the training.
class SeededScope {
 public:
  SeededScope(std::uint64_t seed, c10::Device device);
  ~SeededScope();
  SeededScope(const SeededScope&) = delete;
  SeededScope& operator=(const SeededScope&) = delete;

 private:
  c10::Device device_;
  RandomState before_;
};

}  // namespace ldm::training
