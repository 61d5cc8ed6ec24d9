#pragma once

#include <ATen/core/Tensor.h>

namespace ldm {

/// The discrete noise schedule of ldm.models.diffusion.dpm_solver's NoiseScheduleVP, made continuous:
/// log(alpha_t) = log(alphas_cumprod) / 2 at t = (i + 1) / N, i = 0..N-1, linear in between. All values
/// float32.
class DpmNoiseSchedule {
 public:
  /// alphas_cumprod float32 [N], N >= 2.
  explicit DpmNoiseSchedule(const at::Tensor& alphas_cumprod);

  /// t float32 [M] in (0, 1] -> [M]. Beyond the ends the outermost segments go on.
  at::Tensor marginal_log_mean_coeff(const at::Tensor& t) const;
  at::Tensor marginal_alpha(const at::Tensor& t) const;
  at::Tensor marginal_std(const at::Tensor& t) const;
  /// Half the log signal-to-noise ratio, log(alpha_t) - log(sigma_t).
  at::Tensor marginal_lambda(const at::Tensor& t) const;
  /// The (fractional) timestep that the network takes for t: (t - 1/N) * 1000.
  at::Tensor model_input_time(const at::Tensor& t) const;
  /// `steps` + 1 times from 1 down to 1/N, evenly spaced ("time_uniform").
  at::Tensor time_uniform(std::int64_t steps) const;

 private:
  std::int64_t total_n_;
  at::Tensor times_, log_alphas_;
};

}  // namespace ldm
