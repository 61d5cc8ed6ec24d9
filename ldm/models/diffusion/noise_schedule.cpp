#include "ldm/models/diffusion/noise_schedule.h"

#include <ATen/ATen.h>

#include <stdexcept>

namespace ldm {

Parameterization parse_parameterization(const std::string& text) {
  if (text == "eps") return Parameterization::eps;
  if (text == "x0") return Parameterization::x0;
  if (text == "v") return Parameterization::v;
  throw std::invalid_argument("expected parameterization eps, x0 or v, got '" + text + "'");
}

std::string to_string(Parameterization parameterization) {
  if (parameterization == Parameterization::eps) return "eps";
  return parameterization == Parameterization::x0 ? "x0" : "v";
}

NoiseSchedule make_noise_schedule(const std::vector<double>& beta_values, double v_posterior,
                                  Parameterization parameterization) {
  const at::Tensor betas = at::tensor(beta_values, at::kDouble);
  const at::Tensor alphas = 1.0 - betas;
  const at::Tensor acp = alphas.cumprod(0);
  const at::Tensor acp_prev = at::cat({at::ones({1}, at::kDouble), acp.slice(0, 0, -1)});
  const at::Tensor variance =
      (1 - v_posterior) * betas * (1.0 - acp_prev) / (1.0 - acp) + v_posterior * betas;
  const auto f32 = [](const at::Tensor& values) { return values.to(at::kFloat); };

  NoiseSchedule schedule;
  schedule.buffers = {
      {"betas", f32(betas)},
      {"alphas_cumprod", f32(acp)},
      {"alphas_cumprod_prev", f32(acp_prev)},
      {"sqrt_alphas_cumprod", f32(acp.sqrt())},
      {"sqrt_one_minus_alphas_cumprod", f32((1.0 - acp).sqrt())},
      {"log_one_minus_alphas_cumprod", f32((1.0 - acp).log())},
      {"sqrt_recip_alphas_cumprod", f32((1.0 / acp).sqrt())},
      {"sqrt_recipm1_alphas_cumprod", f32((1.0 / acp - 1).sqrt())},
      {"posterior_variance", f32(variance)},
      // Clipped: the variance is 0 at the start of the chain.
      {"posterior_log_variance_clipped", f32(variance.clamp_min(1e-20).log())},
      {"posterior_mean_coef1", f32(betas * acp_prev.sqrt() / (1.0 - acp))},
      {"posterior_mean_coef2", f32((1.0 - acp_prev) * alphas.sqrt() / (1.0 - acp))},
  };
  // In float32 from here on, as the reference.
  const at::Tensor acp32 = f32(acp), betas32 = f32(betas);
  if (parameterization == Parameterization::eps) {
    schedule.lvlb_weights = betas32.pow(2) / (2 * f32(variance) * f32(alphas) * (1 - acp32));
  } else if (parameterization == Parameterization::x0) {
    schedule.lvlb_weights = 0.5 * acp32.sqrt() / (2.0 - acp32);
  } else {
    schedule.lvlb_weights = at::ones_like(betas32);
  }
  if (schedule.lvlb_weights.numel() > 1) schedule.lvlb_weights[0] = schedule.lvlb_weights[1];
  return schedule;
}

}  // namespace ldm
