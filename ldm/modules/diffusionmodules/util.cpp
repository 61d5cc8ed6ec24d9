#include "ldm/modules/diffusionmodules/util.h"

#include <ATen/ATen.h>

#include <algorithm>
#include <cmath>
#include <stdexcept>

namespace ldm {
namespace {

constexpr double kPi = 3.14159265358979323846;

/// torch.linspace in float64, through the same kernel as the reference for the same rounding.
std::vector<double> linspace(double start, double end, std::int64_t steps) {
  const at::Tensor values = at::linspace(start, end, steps, at::kDouble);
  return {values.data_ptr<double>(), values.data_ptr<double>() + steps};
}

std::vector<double> cosine_betas(std::int64_t n_timestep, double cosine_s) {
  const auto alpha_bar = [&](std::int64_t i) {
    const double t = static_cast<double>(i) / static_cast<double>(n_timestep) + cosine_s;
    return std::pow(std::cos(t / (1 + cosine_s) * kPi / 2), 2);
  };
  std::vector<double> betas;
  for (std::int64_t i = 0; i < n_timestep; ++i) {
    betas.push_back(std::clamp(1 - alpha_bar(i + 1) / alpha_bar(i), 0.0, 0.999));
  }
  return betas;
}

}  // namespace

std::vector<double> make_beta_schedule(const std::string& schedule, std::int64_t n_timestep,
                                       double linear_start, double linear_end, double cosine_s) {
  if (n_timestep < 1) {
    throw std::invalid_argument("expected at least 1 timestep, got " + std::to_string(n_timestep));
  }
  if (schedule == "cosine") return cosine_betas(n_timestep, cosine_s);
  if (schedule == "sqrt_linear") return linspace(linear_start, linear_end, n_timestep);
  std::vector<double> betas;
  if (schedule == "linear") {
    betas = linspace(std::sqrt(linear_start), std::sqrt(linear_end), n_timestep);
    for (double& beta : betas) beta *= beta;
  } else if (schedule == "sqrt") {
    betas = linspace(linear_start, linear_end, n_timestep);
    for (double& beta : betas) beta = std::sqrt(beta);
  } else {
    throw std::invalid_argument("expected beta_schedule linear, cosine, sqrt_linear or sqrt, got '" +
                                schedule + "'");
  }
  return betas;
}

std::vector<std::int64_t> make_ddim_timesteps(const std::string& method, std::int64_t num_ddim_timesteps,
                                              std::int64_t num_ddpm_timesteps) {
  if (num_ddim_timesteps < 1 || num_ddim_timesteps > num_ddpm_timesteps) {
    throw std::invalid_argument("expected 1 to " + std::to_string(num_ddpm_timesteps) +
                                " sampling steps, got " + std::to_string(num_ddim_timesteps));
  }
  std::vector<std::int64_t> timesteps;
  if (method == "uniform") {
    const std::int64_t stride = num_ddpm_timesteps / num_ddim_timesteps;
    for (std::int64_t t = 0; t < num_ddpm_timesteps; t += stride) timesteps.push_back(t + 1);
  } else if (method == "quad") {
    // numpy's linspace: start + i * step, with the last value set exactly.
    const double end = std::sqrt(static_cast<double>(num_ddpm_timesteps) * 0.8);
    const double step = num_ddim_timesteps > 1 ? end / static_cast<double>(num_ddim_timesteps - 1) : 0.0;
    for (std::int64_t i = 0; i < num_ddim_timesteps; ++i) {
      const bool last = num_ddim_timesteps > 1 && i + 1 == num_ddim_timesteps;
      const double root = last ? end : static_cast<double>(i) * step;
      timesteps.push_back(static_cast<std::int64_t>(root * root) + 1);
    }
  } else {
    throw std::invalid_argument("expected timestep method uniform or quad, got '" + method + "'");
  }
  return timesteps;
}

std::vector<std::int64_t> within_schedule(std::vector<std::int64_t> timesteps,
                                          std::int64_t num_ddpm_timesteps) {
  const auto past_end = [&](std::int64_t t) { return t >= num_ddpm_timesteps; };
  timesteps.erase(std::remove_if(timesteps.begin(), timesteps.end(), past_end), timesteps.end());
  return timesteps;
}

DdimSamplingParameters make_ddim_sampling_parameters(const at::Tensor& alphas_cumprod,
                                                     const std::vector<std::int64_t>& ddim_timesteps,
                                                     double eta) {
  const at::Tensor table = alphas_cumprod.to(at::kCPU, at::kDouble).contiguous();
  const double* alphas_table = table.data_ptr<double>();
  DdimSamplingParameters parameters;
  for (std::size_t i = 0; i < ddim_timesteps.size(); ++i) {
    const double alpha = alphas_table[ddim_timesteps[i]];
    const double alpha_prev = alphas_table[i == 0 ? 0 : ddim_timesteps[i - 1]];
    parameters.alphas.push_back(alpha);
    parameters.alphas_prev.push_back(alpha_prev);
    parameters.sigmas.push_back(eta * std::sqrt((1 - alpha_prev) / (1 - alpha) * (1 - alpha / alpha_prev)));
  }
  return parameters;
}

at::Tensor timestep_embedding(const at::Tensor& timesteps, std::int64_t dim, double max_period) {
  const std::int64_t half = dim / 2;
  // Built on the CPU and then moved, as the reference does, so that every device sees the same frequencies.
  const at::Tensor frequencies =
      at::exp(at::arange(half, at::kFloat) * -std::log(max_period) / half).to(timesteps.device());
  const at::Tensor angles = timesteps.to(at::kFloat).unsqueeze(1) * frequencies.unsqueeze(0);
  const at::Tensor embedding = at::cat({angles.cos(), angles.sin()}, -1);
  return dim % 2 == 0 ? embedding : at::constant_pad_nd(embedding, {0, 1});
}

at::Tensor extract_into_tensor(const at::Tensor& values, const at::Tensor& t, std::int64_t dim) {
  std::vector<std::int64_t> shape(static_cast<std::size_t>(dim), 1);
  shape[0] = t.size(0);
  return values.to(t.device()).gather(-1, t).view(shape);
}

}  // namespace ldm
