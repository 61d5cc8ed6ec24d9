#include "ldm/models/diffusion/dpm_solver.h"

#include <ATen/ATen.h>

#include <stdexcept>

#include "ldm/models/diffusion/dpm_solver_schedule.h"
#include "ldm/models/diffusion/sampling_run.h"

namespace ldm {
namespace {

constexpr std::int64_t kLogEveryT = 100;
constexpr std::int64_t kLowerOrderFinalBelow = 15;

/// Computed on the CPU, so that every device sees the same times.
DpmNoiseSchedule noise_schedule_of(const DDPMImpl& model) {
  return DpmNoiseSchedule(model.schedule("alphas_cumprod").to(at::kCPU, at::kFloat));
}

void expect_steps(const DDPMImpl& model, std::int64_t steps) {
  if (steps >= 1 && steps <= model.num_timesteps()) return;
  throw std::invalid_argument("expected 1 to " + std::to_string(model.num_timesteps()) +
                              " sampling steps, got " + std::to_string(steps));
}

void check(const DDPMImpl& model, const SamplingRequest& request) {
  expect_steps(model, request.steps);
  if (request.mask.defined() || request.x0.defined()) {
    throw std::invalid_argument("mask: expected none for dpm_solver, got one: use ddim or plms");
  }
  if (request.quantize_x0) {
    throw std::invalid_argument("quantize_x0: expected false for dpm_solver, got true: use ddim or plms");
  }
}

/// Constants of a run of S steps, float32 on the model's device, shaped to keep the arithmetic in float32
/// where the prediction is half. Entry i, [1, 1, 1, 1], belongs to time i, or to the step from time i to i+1.
struct DpmCoefficients {
  DpmCoefficients(const DDPMImpl& model, std::int64_t steps) {
    const DpmNoiseSchedule schedule = noise_schedule_of(model);
    const at::Tensor t = schedule.time_uniform(steps);
    const at::Tensor all_alphas = schedule.marginal_alpha(t), all_sigmas = schedule.marginal_std(t);
    const at::Tensor h = schedule.marginal_lambda(t).diff();
    const auto placed = [&](const at::Tensor& values) {
      return values.contiguous().view({-1, 1, 1, 1, 1}).to(model.device());
    };
    model_t = schedule.model_input_time(t).to(model.device());
    alphas = placed(all_alphas);
    sigmas = placed(all_sigmas);
    const at::Tensor alpha_t = all_alphas.slice(0, 1);
    sigma_ratios = placed(all_sigmas.slice(0, 1) / all_sigmas.slice(0, 0, steps));
    first_order = placed(alpha_t * at::expm1(-h));
    second_order = placed(alpha_t * (at::exp(-h) - 1.0));
    // 1 / r0 of the step from time i to i+1 at entry i - 1.
    inverse_r0 = placed((h.slice(0, 0, steps - 1) / h.slice(0, 1)).reciprocal());
  }

  at::Tensor model_t;  ///< [S + 1], what the network takes
  at::Tensor alphas, sigmas, sigma_ratios, first_order, second_order, inverse_r0;
};

/// The noise in x = alpha x_0 + sigma noise, and x_0.
struct Estimate {
  at::Tensor eps, x0;
};

/// What a prediction for x [B, C, h, w] float32 stands for; alpha and sigma [1, 1, 1, 1]. Timesteps are
/// fractional here, so that the model's own constants do not serve.
Estimate estimate_of(Parameterization parameterization, const at::Tensor& x, const at::Tensor& prediction,
                     const at::Tensor& alpha, const at::Tensor& sigma) {
  if (parameterization == Parameterization::x0) {
    const at::Tensor x0 = prediction.to(x.scalar_type());
    return {(x - alpha * x0) / sigma, x0};
  }
  if (parameterization == Parameterization::v) {
    return {alpha * prediction + sigma * x, alpha * x - sigma * prediction};
  }
  return {prediction, (x - sigma * prediction) / alpha};
}

/// DPM-Solver-1, which is DDIM, from time i to i+1.
at::Tensor first_update(const DpmCoefficients& c, std::int64_t i, const at::Tensor& x, const at::Tensor& x0) {
  return c.sigma_ratios[i] * x - c.first_order[i] * x0;
}

/// Multistep DPM-Solver-2 from time i to i+1, with the estimates of x0 at times i and i-1.
at::Tensor second_update(const DpmCoefficients& c, std::int64_t i, const at::Tensor& x, const at::Tensor& x0,
                         const at::Tensor& previous_x0) {
  const at::Tensor d1 = c.inverse_r0[i - 1] * (x0 - previous_x0);
  return c.sigma_ratios[i] * x - c.second_order[i] * x0 - 0.5 * c.second_order[i] * d1;
}

}  // namespace

DPMSolverSampler::DPMSolverSampler(std::shared_ptr<DDPMImpl> model) : model_(std::move(model)) {}

std::vector<double> DPMSolverSampler::timesteps(std::int64_t steps, const std::string&) const {
  expect_steps(*model_, steps);
  const DpmNoiseSchedule schedule = noise_schedule_of(*model_);
  const at::Tensor t = schedule.model_input_time(schedule.time_uniform(steps)).to(at::kDouble);
  return {t.data_ptr<double>(), t.data_ptr<double>() + steps};
}

SamplingResult DPMSolverSampler::sample(const SamplingRequest& request, NoiseSource& noise) {
  check(*model_, request);
  const std::int64_t steps = request.steps;
  const DpmCoefficients c(*model_, steps);
  const std::vector<double> model_times = timesteps(steps);
  SamplingRun run(*model_, request, noise, steps, kLogEveryT);
  at::Tensor x = run.start(), previous_x0;
  for (std::int64_t i = 0; i < steps; ++i) {
    const at::Tensor prediction = run.predict(x, c.model_t[i].expand({request.batch_size}));
    const auto [eps, x0] =
        estimate_of(model_->options().parameterization, x, prediction, c.alphas[i], c.sigmas[i]);
    const bool last_of_few = i == steps - 1 && steps < kLowerOrderFinalBelow;
    x = i == 0 || last_of_few ? first_update(c, i, x, x0) : second_update(c, i, x, x0, previous_x0);
    previous_x0 = x0;
    if (!run.report(i, model_times[static_cast<std::size_t>(i)], x, x0, eps)) break;
  }
  return run.finish(x);
}

}  // namespace ldm
