#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <string>
#include <vector>

#include "ldm/models/diffusion/ddpm.h"
#include "ldm/models/diffusion/sampling_run.h"

namespace ldm {

/// The reference's make_schedule, which DDIM and PLMS share: timesteps and each step's constants, computed
/// once. Constants are float32 [n, 1, 1, 1, 1] on the model's device: entry i, [1, 1, 1, 1], goes with
/// timesteps[i] and keeps the arithmetic in float32 where the prediction is half.
struct DdimSchedule {
  /// Timesteps alone: ascending, without those above the model's last. Throws std::invalid_argument for steps
  /// outside 1 .. the model's timesteps and for another discretization than "uniform" and "quad".
  static std::vector<std::int64_t> make_timesteps(const DDPMImpl& model, std::int64_t steps,
                                                  const std::string& ddim_discretize);
  /// The same as a run passes them: descending.
  static std::vector<double> run_timesteps(const DDPMImpl& model, std::int64_t steps,
                                           const std::string& ddim_discretize);

  /// Throws as make_timesteps, and for an eta so large that a step's noise exceeds its variance.
  DdimSchedule(const DDPMImpl& model, std::int64_t steps, const std::string& ddim_discretize, double eta);

  std::int64_t size() const { return static_cast<std::int64_t>(timesteps.size()); }
  /// The estimate of x_0 from x [B, C, h, w] at timesteps[index] and the noise e_t in it.
  at::Tensor pred_x0(std::int64_t index, const at::Tensor& x, const at::Tensor& e_t) const;

  std::vector<std::int64_t> timesteps;
  at::Tensor sqrt_alphas, sqrt_one_minus_alphas, sqrt_alphas_prev, sigmas;
  at::Tensor direction;  ///< sqrt(1 - alpha_prev - sigma^2), the length of "direction pointing to x_t"
};

/// A step's outcome: the latent at the next lower timestep, and the estimate of the clean one.
struct DdimUpdate {
  at::Tensor x_prev, pred_x0;
};

/// Equation 12 of arXiv:2010.02502 from timesteps[index], for the noise e_t and the estimate of x_0, both
/// [B, C, h, w], that a prediction stands for. The update's pred_x0 is the estimate, quantized if asked for.
DdimUpdate ddim_update(const DdimSchedule& schedule, std::int64_t index, const at::Tensor& e_t,
                       const at::Tensor& estimate, SamplingRun& run);

}  // namespace ldm
