#include "tests/models/toy_diffusion.h"

#include <ATen/ATen.h>

#include <cmath>

#include "ldm/modules/diffusionmodules/util.h"

namespace ldm::testing {
namespace {

constexpr double kLinearStart = 0.00085, kLinearEnd = 0.012;
constexpr std::int64_t kTimesteps = 1000;

const DpmNoiseSchedule& schedule() {
  static const DpmNoiseSchedule kSchedule = [] {
    const auto betas = make_beta_schedule("linear", kTimesteps, kLinearStart, kLinearEnd);
    return DpmNoiseSchedule((1.0 - at::tensor(betas, at::kDouble)).cumprod(0));
  }();
  return kSchedule;
}

/// abar at timesteps [B], interpolated between the model's.
at::Tensor alphas_at(const at::Tensor& timesteps) {
  const at::Tensor t = (timesteps.to(at::kDouble) + 1.0) / static_cast<double>(kTimesteps);
  return (2.0 * schedule().marginal_log_mean_coeff(t)).exp();
}

}  // namespace

torch::Tensor ToyNetwork::forward(const torch::Tensor& x, const torch::Tensor& timesteps,
                                  const std::optional<torch::Tensor>& context,
                                  const std::optional<torch::Tensor>&) {
  calls.push_back({x, timesteps, context.value_or(at::Tensor())});
  return function_(calls.back());
}

torch::Tensor IntegerFirstStage::quantize(const torch::Tensor& z) {
  return z.round();
}

std::vector<double> ToyModel::call_timesteps() const {
  std::vector<double> timesteps;
  for (const NetworkCall& call : network->calls) timesteps.push_back(call.t[0].item<double>());
  return timesteps;
}

ToyModel make_toy(ToyNetwork::Function function, const ToyOptions& options) {
  LatentDiffusionOptions latent;
  latent.ddpm.linear_start = kLinearStart;
  latent.ddpm.linear_end = kLinearEnd;
  latent.ddpm.timesteps = kTimesteps;
  latent.ddpm.use_ema = false;
  latent.ddpm.parameterization = options.parameterization;
  latent.ddpm.loss_type = options.loss_type;
  latent.ddpm.loss_weighting = options.loss_weighting;
  latent.ddpm.conditioning_key = ConditioningKey::crossattn;
  ToyModel toy;
  toy.network = std::make_shared<ToyNetwork>(std::move(function));
  toy.model = std::make_shared<LatentDiffusionImpl>(latent, toy.network, options.first_stage, nullptr);
  return toy;
}

at::Tensor mixed_prediction(const NetworkCall& call) {
  const auto per_row = [&](const at::Tensor& values) {
    return values.to(call.x.dtype()).view({-1, 1, 1, 1});
  };
  return call.x / 2 + per_row(call.t.to(at::kFloat) / 2000) + per_row(call.context.mean({1, 2}));
}

ToyNetwork::Function gaussian_prediction(double data_std) {
  return [data_std](const NetworkCall& call) {
    const at::Tensor alpha = alphas_at(call.t).view({-1, 1, 1, 1});
    const at::Tensor variance = alpha * data_std * data_std + 1.0 - alpha;
    return ((1.0 - alpha).sqrt() / variance * call.x).to(at::kFloat);
  };
}

double gaussian_scale(double data_std, double timestep) {
  const double alpha = alphas_at(at::full({1}, timestep, at::kDouble)).item<double>();
  return std::sqrt(alpha * data_std * data_std + 1.0 - alpha);
}

Conditioning toy_context(std::int64_t batch, double value) {
  Conditioning conditioning;
  conditioning.c_crossattn.push_back(at::full({batch, 1, 2}, value));
  return conditioning;
}

SamplingRequest toy_request(std::int64_t steps, std::int64_t batch) {
  SamplingRequest request;
  request.steps = steps;
  request.batch_size = batch;
  request.shape = {2, 3, 4};
  request.conditioning = toy_context(batch, 1.0);
  return request;
}

RecordedRun run_recorded(Sampler& sampler, SamplingRequest request, NoiseSource& noise) {
  RecordedRun run;
  request.callback = [&](const SamplingStep& step) {
    run.steps.push_back(step);
    return true;
  };
  run.result = sampler.sample(request, noise);
  return run;
}

double max_difference(const at::Tensor& a, const at::Tensor& b) {
  return (a.to(at::kDouble) - b.to(at::kDouble)).abs().max().item<double>();
}

}  // namespace ldm::testing
