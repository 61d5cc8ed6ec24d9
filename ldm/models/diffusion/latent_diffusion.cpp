#include "ldm/models/diffusion/latent_diffusion.h"

#include <ATen/ATen.h>

#include <stdexcept>

namespace ldm {

LatentDiffusionImpl::LatentDiffusionImpl(const LatentDiffusionOptions& options,
                                         std::shared_ptr<DiffusionNetwork> network,
                                         std::shared_ptr<FirstStage> first_stage,
                                         std::shared_ptr<ConditioningStage> cond_stage)
    : DDPMImpl(options.ddpm, std::move(network)), options_(options) {
  if (options.num_timesteps_cond > num_timesteps()) {
    throw std::invalid_argument("expected num_timesteps_cond up to " + std::to_string(num_timesteps()) +
                                " (timesteps), got " + std::to_string(options.num_timesteps_cond));
  }
  if (options.scale_by_std)
    register_buffer("scale_factor", at::scalar_tensor(options.scale_factor, at::kFloat));
  first_stage_ = register_module("first_stage_model", std::move(first_stage));
  first_stage_->eval();
  if (!cond_stage) return;
  cond_stage_ = register_module("cond_stage_model", std::move(cond_stage));
  if (!options.cond_stage_trainable) cond_stage_->eval();
}

double LatentDiffusionImpl::scale_factor() const {
  return options_.scale_by_std ? buffer("scale_factor").item<double>() : options_.scale_factor;
}

void LatentDiffusionImpl::set_scale_factor(double factor) {
  if (!options_.scale_by_std) {
    throw std::logic_error("expected a model with scale_by_std, got one whose scale_factor is fixed");
  }
  buffer("scale_factor").fill_(factor);
}

torch::Tensor LatentDiffusionImpl::cond_ids() const {
  const auto options = at::TensorOptions(at::kLong).device(device());
  at::Tensor ids = at::full({num_timesteps()}, num_timesteps() - 1, options);
  const std::int64_t count = options_.num_timesteps_cond;
  const at::Tensor first = at::linspace(0, num_timesteps() - 1, count, options.dtype(at::kFloat));
  ids.slice(0, 0, count).copy_(first.round());
  return ids;
}

Conditioning LatentDiffusionImpl::as_conditioning(const torch::Tensor& cond) const {
  Conditioning conditioning;
  const bool concat = options_.ddpm.conditioning_key == ConditioningKey::concat;
  (concat ? conditioning.c_concat : conditioning.c_crossattn).push_back(cond);
  return conditioning;
}

torch::Tensor LatentDiffusionImpl::apply_model(const torch::Tensor& x_noisy, const torch::Tensor& t,
                                               const torch::Tensor& cond) {
  return apply_model(x_noisy, t, as_conditioning(cond));
}

torch::Tensor LatentDiffusionImpl::get_learned_conditioning(const ConditioningInput& input) {
  if (cond_stage_) return cond_stage_->encode(input);
  const auto* map = std::get_if<torch::Tensor>(&input);
  if (!options_.first_stage_is_cond_stage || map == nullptr) {
    throw std::logic_error("expected a model with a conditioning stage, got an unconditional one");
  }
  // The first stage as conditioning stage gives the mean, unscaled.
  const FirstStageEncoding encoding = encode_first_stage(*map);
  const auto* posterior = std::get_if<DiagonalGaussianDistribution>(&encoding);
  return posterior ? posterior->mode() : std::get<torch::Tensor>(encoding);
}

FirstStageEncoding LatentDiffusionImpl::encode_first_stage(const torch::Tensor& x) {
  return first_stage_->encode(x);
}

torch::Tensor LatentDiffusionImpl::get_first_stage_encoding(
    const FirstStageEncoding& encoding, const std::optional<at::Generator>& generator) const {
  const auto* posterior = std::get_if<DiagonalGaussianDistribution>(&encoding);
  return scale_factor() * (posterior ? posterior->sample(generator) : std::get<torch::Tensor>(encoding));
}

torch::Tensor LatentDiffusionImpl::get_first_stage_encoding(const FirstStageEncoding& encoding,
                                                            NoiseSource& noise) const {
  const auto* posterior = std::get_if<DiagonalGaussianDistribution>(&encoding);
  if (posterior == nullptr) return scale_factor() * std::get<torch::Tensor>(encoding);
  const torch::Tensor& mean = posterior->mean();
  const torch::Tensor draw = noise.normal(NoiseUse::posterior, mean.sizes(), mean.device());
  return scale_factor() * (mean + posterior->std() * draw);
}

bool LatentDiffusionImpl::can_quantize_x0() const {
  return first_stage_->can_quantize();
}

torch::Tensor LatentDiffusionImpl::quantize_x0(const torch::Tensor& x0) {
  return first_stage_->quantize(x0);
}

torch::Tensor LatentDiffusionImpl::decode_first_stage(const torch::Tensor& z) {
  return first_stage_->decode(1.0 / scale_factor() * z);
}

}  // namespace ldm
