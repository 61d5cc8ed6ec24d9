#pragma once

#include <ATen/core/Tensor.h>

#include <string>
#include <utility>
#include <vector>

namespace ldm {

/// What a diffusion model predicts: the noise or the clean input.
enum class Parameterization { eps, x0 };

/// "eps" or "x0"; throws std::invalid_argument for anything else.
Parameterization parse_parameterization(const std::string& text);

/// The buffers that the reference's DDPM.register_schedule computes from beta_t: float32 [T], computed in
/// float64, under the reference's names and in its order.
struct NoiseSchedule {
  std::vector<std::pair<std::string, at::Tensor>> buffers;
  at::Tensor lvlb_weights;  ///< weights of the variational bound; no checkpoint holds them
};

/// `v_posterior` in [0, 1] mixes the posterior variance (0) with beta_t (1).
NoiseSchedule make_noise_schedule(const std::vector<double>& betas, double v_posterior,
                                  Parameterization parameterization);

}  // namespace ldm
