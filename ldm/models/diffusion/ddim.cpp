#include "ldm/models/diffusion/ddim.h"

#include <ATen/ATen.h>

#include <algorithm>
#include <stdexcept>

#include "ldm/models/diffusion/ddim_schedule.h"

namespace ldm {
namespace {

constexpr std::int64_t kLogEveryT = 100;

/// The estimate of x_0 from a prediction for x at t = timesteps[index]: for eps by the schedule's constants,
/// for v by the model's, which differ from them by rounding, as in the reference and its later versions.
at::Tensor estimate_of(const DDPMImpl& model, const DdimSchedule& schedule, std::int64_t index,
                       const at::Tensor& x, const at::Tensor& t, const at::Tensor& prediction) {
  if (model.options().parameterization == Parameterization::eps) {
    return schedule.pred_x0(index, x, prediction);
  }
  return model.predict_start(x, t, prediction);
}

/// The last `steps` steps of the schedule, from the request's x_T or a draw on.
SamplingResult ddim_sampling(DDPMImpl& model, const DdimSchedule& schedule, std::int64_t steps,
                             const SamplingRequest& request, NoiseSource& noise) {
  SamplingRun run(model, request, noise, steps, kLogEveryT);
  at::Tensor x = run.start();
  for (std::int64_t i = 0; i < steps; ++i) {
    const std::int64_t index = steps - i - 1;
    const std::int64_t timestep = schedule.timesteps[static_cast<std::size_t>(index)];
    const at::Tensor t = run.timesteps(timestep);
    x = run.with_known_part(x, t);
    const at::Tensor prediction = run.predict(x, t);
    const at::Tensor e_t = model.predict_eps(x, t, prediction);
    const at::Tensor estimate = estimate_of(model, schedule, index, x, t, prediction);
    const DdimUpdate update = ddim_update(schedule, index, e_t, estimate, run);
    x = update.x_prev;
    if (!run.report(i, static_cast<double>(timestep), x, update.pred_x0, e_t)) break;
  }
  return run.finish(x);
}

}  // namespace

std::int64_t encode_steps(double strength, std::int64_t steps) {
  if (!(strength >= 0 && strength <= 1)) {
    throw std::invalid_argument("strength: expected a value in [0, 1], got " + std::to_string(strength));
  }
  return static_cast<std::int64_t>(strength * static_cast<double>(steps));
}

DDIMSampler::DDIMSampler(std::shared_ptr<DDPMImpl> model) : model_(std::move(model)) {}

std::vector<double> DDIMSampler::timesteps(std::int64_t steps, const std::string& ddim_discretize) const {
  return DdimSchedule::run_timesteps(*model_, steps, ddim_discretize);
}

SamplingResult DDIMSampler::sample(const SamplingRequest& request, NoiseSource& noise) {
  const DdimSchedule schedule(*model_, request.steps, request.ddim_discretize, request.eta);
  return ddim_sampling(*model_, schedule, schedule.size(), request, noise);
}

at::Tensor DDIMSampler::stochastic_encode(const at::Tensor& x0, std::int64_t t_enc,
                                          const SamplingRequest& request, NoiseSource& noise) {
  if (t_enc < 0) throw std::invalid_argument("t_enc: expected at least 0, got " + std::to_string(t_enc));
  const c10::InferenceMode inference;
  const DdimSchedule schedule(*model_, request.steps, request.ddim_discretize, /*eta=*/0);
  const std::int64_t index = std::min(t_enc, schedule.size() - 1);
  const at::Tensor draw = noise.normal(NoiseUse::encode, x0.sizes(), model_->device());
  return schedule.sqrt_alphas[index] * x0.to(model_->device()) + schedule.sqrt_one_minus_alphas[index] * draw;
}

SamplingResult DDIMSampler::decode(const at::Tensor& x_latent, std::int64_t t_start,
                                   const SamplingRequest& request, NoiseSource& noise) {
  if (t_start < 0)
    throw std::invalid_argument("t_start: expected at least 0, got " + std::to_string(t_start));
  if (x_latent.dim() != 4) {
    throw std::invalid_argument("x_latent: expected [B, C, h, w], got " + std::to_string(x_latent.dim()) +
                                " dimensions");
  }
  SamplingRequest from_latent = request;
  from_latent.batch_size = x_latent.size(0);
  from_latent.shape = x_latent.sizes().slice(1).vec();
  from_latent.x_T = x_latent;
  const DdimSchedule schedule(*model_, request.steps, request.ddim_discretize, request.eta);
  return ddim_sampling(*model_, schedule, std::min(t_start, schedule.size()), from_latent, noise);
}

}  // namespace ldm
