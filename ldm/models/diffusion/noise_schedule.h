#pragma once

#include <ATen/core/Tensor.h>

#include <string>
#include <utility>
#include <vector>

namespace ldm {

/// What a diffusion model predicts from x_t = sqrt(abar) x_0 + sqrt(1 - abar) noise: the noise, the clean
/// input, or the velocity sqrt(abar) noise - sqrt(1 - abar) x_0 (arXiv:2202.00512).
enum class Parameterization { eps, x0, v };

/// "eps", "x0" or "v". Throws std::invalid_argument naming the three for any other text.
Parameterization parse_parameterization(const std::string& text);
std::string to_string(Parameterization parameterization);

/// The buffers that the reference's DDPM.register_schedule computes from beta_t: float32 [T], computed in
/// float64, under the reference's names and in its order.
struct NoiseSchedule {
  std::vector<std::pair<std::string, at::Tensor>> buffers;
  /// Weights of the variational bound, all 1 for v as in the reference's later versions; no checkpoint holds
  /// them.
  at::Tensor lvlb_weights;
};

/// `v_posterior` in [0, 1] mixes the posterior variance (0) with beta_t (1).
NoiseSchedule make_noise_schedule(const std::vector<double>& betas, double v_posterior,
                                  Parameterization parameterization);

}  // namespace ldm
