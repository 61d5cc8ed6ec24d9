#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <string>
#include <vector>

namespace ldm {

/// ldm.modules.diffusionmodules.util.make_beta_schedule: noise variances beta_t, t = 0..n_timestep-1,
/// float64. `schedule` is "linear" (linear in sqrt(beta), as the reference's), "cosine", "sqrt_linear" or
/// "sqrt". Throws std::invalid_argument for another name.
std::vector<double> make_beta_schedule(const std::string& schedule, std::int64_t n_timestep,
                                       double linear_start = 1e-4, double linear_end = 2e-2,
                                       double cosine_s = 8e-3);

/// ldm.modules.diffusionmodules.util.make_ddim_timesteps: the timesteps of a sampler, ascending, each one
/// more than the reference's list index (its own shift).
///
/// `method` is "uniform" (every (num_ddpm / num_ddim)-th) or "quad" (denser at low noise). "uniform" may give
/// more steps than asked for (24 gives 25), and its last may be num_ddpm_timesteps itself (for 3, 9, 27, ...
/// steps): pass the result through `within_schedule`. Throws std::invalid_argument unless
/// 1 <= num_ddim_timesteps <= num_ddpm_timesteps, or for another method.
std::vector<std::int64_t> make_ddim_timesteps(const std::string& method, std::int64_t num_ddim_timesteps,
                                              std::int64_t num_ddpm_timesteps);

/// `timesteps` without those that lie outside [0, num_ddpm_timesteps), on which the reference crashes.
std::vector<std::int64_t> within_schedule(std::vector<std::int64_t> timesteps,
                                          std::int64_t num_ddpm_timesteps);

/// Per-step constants of DDIM and PLMS, in the order of the timesteps.
struct DdimSamplingParameters {
  std::vector<double> sigmas, alphas, alphas_prev;
};

/// ldm.modules.diffusionmodules.util.make_ddim_sampling_parameters (arXiv:2010.02502, eq. 16):
/// alphas_cumprod is float32 [num_ddpm_timesteps], widened to float64; alphas_prev[0] is alphas_cumprod[0],
/// not 1, as in the reference. eta >= 0 scales the sigmas.
DdimSamplingParameters make_ddim_sampling_parameters(const at::Tensor& alphas_cumprod,
                                                     const std::vector<std::int64_t>& ddim_timesteps,
                                                     double eta);

/// ldm.modules.diffusionmodules.util.timestep_embedding: timesteps [B], integer or fractional -> float32
/// [B, dim], cosines then sines, a zero column last when dim is odd.
at::Tensor timestep_embedding(const at::Tensor& timesteps, std::int64_t dim, double max_period = 10000);

/// ldm.modules.diffusionmodules.util.extract_into_tensor: values[t] for each row, shaped [B, 1, ..., 1] with
/// `dim` dimensions. values [T], t int64 [B].
at::Tensor extract_into_tensor(const at::Tensor& values, const at::Tensor& t, std::int64_t dim);

}  // namespace ldm
