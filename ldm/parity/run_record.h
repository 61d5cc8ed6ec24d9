#pragma once

#include <ATen/core/Tensor.h>

#include <string>
#include <vector>

#include "ldm/models/diffusion/sampler.h"
#include "ldm/parity/recording_noise.h"
#include "ldm/parity/runner.h"

namespace ldm::parity {

/// Everything that the sampling runs of one case drew, asked and gave, and its comparison with what the
/// goldens hold under their names. A case has one run for each of its iterations; all draw from one source.
class RunRecord {
 public:
  /// Draws on the CPU on every device, as the goldens did.
  explicit RunRecord(std::uint64_t seed) : source_(seed, c10::kCPU), noise_(source_) {}

  RecordingNoise& noise() { return noise_; }
  /// Has the runs of `request` report to this record, which must outlive them.
  void watch(SamplingRequest& request);
  /// Takes up the outcome of an iteration: its latents and the images [B, 3, H, W] decoded from them.
  void add(const SamplingResult& result, const at::Tensor& decoded);

  /// The timestep of each step, all iterations in a row.
  const std::vector<double>& step_timesteps() const { return step_timesteps_; }
  /// Compares start noise, calls, draws and latents.
  void compare_sampling(CaseContext& context) const;
  /// Compares the images and, with `n_rows` images in a row, their grid.
  void compare_images(CaseContext& context, std::int64_t n_rows) const;

 private:
  BatchNoise source_;
  RecordingNoise noise_;
  std::vector<double> step_timesteps_, call_timesteps_;
  std::vector<at::Tensor> latents_, pred_x0_, eps_;     // of each step
  std::vector<at::Tensor> starts_, samples_, decoded_;  // of each iteration
};

/// The goldens' name of an iteration's tensor: "x_T", "x_T.1", ...
std::string iteration_name(const std::string& name, std::size_t iteration);

}  // namespace ldm::parity
