#include "ldm/models/diffusion/ddim_schedule.h"

#include <ATen/ATen.h>

#include <stdexcept>

#include "ldm/modules/diffusionmodules/util.h"

namespace ldm {
namespace {

/// How far below zero rounding alone takes 1 - alpha_prev - sigma^2 (float32, terms up to 1).
constexpr double kRounding = 1e-6;

at::Tensor as_float(const std::vector<double>& values) {
  return at::tensor(values, at::kDouble).to(at::kFloat);
}

}  // namespace

std::vector<std::int64_t> DdimSchedule::make_timesteps(const DDPMImpl& model, std::int64_t steps,
                                                       const std::string& ddim_discretize) {
  const std::int64_t count = model.num_timesteps();
  return within_schedule(make_ddim_timesteps(ddim_discretize, steps, count), count);
}

std::vector<double> DdimSchedule::run_timesteps(const DDPMImpl& model, std::int64_t steps,
                                                const std::string& ddim_discretize) {
  const auto ascending = make_timesteps(model, steps, ddim_discretize);
  return {ascending.rbegin(), ascending.rend()};
}

DdimSchedule::DdimSchedule(const DDPMImpl& model, std::int64_t steps, const std::string& ddim_discretize,
                           double eta)
    : timesteps(make_timesteps(model, steps, ddim_discretize)) {
  const auto parameters = make_ddim_sampling_parameters(model.schedule("alphas_cumprod"), timesteps, eta);
  const at::Tensor alphas = as_float(parameters.alphas), alphas_prev = as_float(parameters.alphas_prev);
  const at::Tensor sigma = as_float(parameters.sigmas);
  const at::Tensor rest = 1.0 - alphas_prev - sigma * sigma;
  if (rest.min().item<double>() < -kRounding) {
    throw std::invalid_argument("eta: expected a value whose step noise fits the schedule (1 does), got " +
                                std::to_string(eta));
  }
  const auto per_step = [&](const at::Tensor& values) {
    return values.view({-1, 1, 1, 1, 1}).to(model.device());
  };
  sqrt_alphas = per_step(alphas.sqrt());
  sqrt_one_minus_alphas = per_step((1.0 - alphas).sqrt());
  sqrt_alphas_prev = per_step(alphas_prev.sqrt());
  sigmas = per_step(sigma);
  direction = per_step(rest.clamp_min(0).sqrt());
}

at::Tensor DdimSchedule::pred_x0(std::int64_t index, const at::Tensor& x, const at::Tensor& e_t) const {
  return (x - sqrt_one_minus_alphas[index] * e_t) / sqrt_alphas[index];
}

DdimUpdate ddim_update(const DdimSchedule& schedule, std::int64_t index, const at::Tensor& e_t,
                       const at::Tensor& estimate, SamplingRun& run) {
  const at::Tensor pred_x0 = run.quantized(estimate);
  const at::Tensor dir_xt = schedule.direction[index] * e_t;
  const at::Tensor noise = run.step_noise(schedule.sigmas[index]);
  return {schedule.sqrt_alphas_prev[index] * pred_x0 + dir_xt + noise, pred_x0};
}

}  // namespace ldm
