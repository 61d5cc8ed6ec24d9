#include "ldm/models/diffusion/ancestral.h"

#include <ATen/ATen.h>

#include <algorithm>
#include <stdexcept>

#include "ldm/models/diffusion/latent_diffusion.h"
#include "ldm/models/diffusion/sampling_run.h"

namespace ldm {
namespace {

/// The estimate of x_0 that a prediction at timestep t [B] stands for.
at::Tensor pred_x0_of(const DDPMImpl& model, const at::Tensor& x, const at::Tensor& t,
                      const at::Tensor& prediction) {
  const at::Tensor x0 = model.predict_start(x, t, prediction.to(at::kFloat));
  return model.clips_denoised() ? x0.clamp(-1.0, 1.0) : x0;
}

}  // namespace

AncestralSampler::AncestralSampler(std::shared_ptr<DDPMImpl> model) : model_(std::move(model)) {
  const auto* latent = dynamic_cast<const LatentDiffusionImpl*>(model_.get());
  if (latent != nullptr && latent->latent_options().num_timesteps_cond > 1) {
    throw std::invalid_argument("ddpm: expected a model with num_timesteps_cond 1, got " +
                                std::to_string(latent->latent_options().num_timesteps_cond));
  }
}

std::vector<double> AncestralSampler::timesteps(std::int64_t steps, const std::string&) const {
  if (steps < 1 || steps > model_->num_timesteps()) {
    throw std::invalid_argument("expected 1 to " + std::to_string(model_->num_timesteps()) +
                                " sampling steps, got " + std::to_string(steps));
  }
  std::vector<double> descending(static_cast<std::size_t>(steps));
  std::generate(descending.begin(), descending.end(), [t = steps]() mutable { return --t; });
  return descending;
}

SamplingResult AncestralSampler::sample(const SamplingRequest& request, NoiseSource& noise) {
  const auto descending = timesteps(request.steps);
  SamplingRun run(*model_, request, noise, request.steps, model_->options().log_every_t);
  const at::Tensor one = at::ones({1, 1, 1, 1}, at::TensorOptions(at::kFloat).device(model_->device()));
  at::Tensor x = run.start();
  for (std::int64_t i = 0; i < request.steps; ++i) {
    const std::int64_t timestep = request.steps - i - 1;
    const at::Tensor t = run.timesteps(timestep);
    const at::Tensor prediction = run.predict(x, t);
    const at::Tensor eps = model_->predict_eps(x, t, prediction);
    const at::Tensor pred_x0 = run.quantized(pred_x0_of(*model_, x, t, prediction));
    const auto posterior = model_->q_posterior(pred_x0, x, t);
    const at::Tensor step_noise = run.step_noise(one);
    x = timestep == 0 ? posterior.mean
                      : posterior.mean + (0.5 * posterior.log_variance_clipped).exp() * step_noise;
    x = run.with_known_part(x, t);
    if (!run.report(i, static_cast<double>(timestep), x, pred_x0, eps)) break;
  }
  return run.finish(x);
}

}  // namespace ldm
