#pragma once

#include <ATen/core/Generator.h>
#include <ATen/core/Tensor.h>

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>

#include "ldm/models/autoencoder.h"
#include "ldm/models/diffusion/ddpm.h"
#include "ldm/models/diffusion/noise_source.h"
#include "ldm/modules/encoders/modules.h"

namespace ldm {

/// How often a caption is replaced, a probability, and by what.
struct UcgTraining {
  double p = 0;
  std::string val;
};

/// What the reference's LatentDiffusion adds to DDPM's arguments, under its names and defaults.
struct LatentDiffusionOptions {
  DDPMOptions ddpm;
  std::int64_t num_timesteps_cond = 1;
  std::string cond_stage_key = "image";
  bool cond_stage_trainable = false;
  double scale_factor = 1.0;
  bool scale_by_std = false;  ///< the factor is a buffer of the checkpoint
  bool first_stage_is_cond_stage = false;
  /// Captions that training replaces by a fixed text, so that guidance has something to guide from: by the
  /// key of the batch, as in later versions of the reference.
  std::map<std::string, UcgTraining> ucg_training;
};

/// ldm.models.diffusion.ddpm.LatentDiffusion: diffusion over the latents of a first stage, conditioned by
/// what a conditioning stage makes of a text, a label or a map.
class LatentDiffusionImpl : public DDPMImpl {
 public:
  /// `cond_stage` may be null (unconditional, or the first stage serves as one).
  LatentDiffusionImpl(const LatentDiffusionOptions& options, std::shared_ptr<DiffusionNetwork> network,
                      std::shared_ptr<FirstStage> first_stage, std::shared_ptr<ConditioningStage> cond_stage);

  const LatentDiffusionOptions& latent_options() const { return options_; }
  const std::shared_ptr<FirstStage>& first_stage_model() const { return first_stage_; }
  const std::shared_ptr<ConditioningStage>& cond_stage_model() const { return cond_stage_; }
  /// What latents are multiplied by after encoding.
  double scale_factor() const;
  /// Sets the factor. Throws std::logic_error unless it is a buffer of the model (`scale_by_std`).
  void set_scale_factor(double factor);
  /// The timesteps at which conditioning is noised when num_timesteps_cond > 1: int64 [num_timesteps].
  torch::Tensor cond_ids() const;

  using DDPMImpl::apply_model;
  /// A lone tensor as conditioning goes the way that conditioning_key names.
  torch::Tensor apply_model(const torch::Tensor& x_noisy, const torch::Tensor& t, const torch::Tensor& cond);
  /// A lone tensor as the conditioning that conditioning_key names.
  Conditioning as_conditioning(const torch::Tensor& cond) const;

  /// c for texts or labels. Throws std::logic_error for an unconditional model.
  torch::Tensor get_learned_conditioning(const ConditioningInput& input);
  /// Image [B, 3, H, W] in [-1, 1] -> the first stage's encoding, unscaled.
  FirstStageEncoding encode_first_stage(const torch::Tensor& x);
  /// The scaled latent of an encoding; a distribution is sampled (generator as in its `sample`).
  torch::Tensor get_first_stage_encoding(const FirstStageEncoding& encoding,
                                         const std::optional<at::Generator>& generator = std::nullopt) const;
  /// The same with a distribution's noise from `noise` (NoiseUse::posterior); nothing is drawn for a latent.
  torch::Tensor get_first_stage_encoding(const FirstStageEncoding& encoding, NoiseSource& noise) const;
  /// Scaled latent [B, c, h, w] -> image [B, 3, H, W], about [-1, 1].
  torch::Tensor decode_first_stage(const torch::Tensor& z);

  bool can_quantize_x0() const override;
  torch::Tensor quantize_x0(const torch::Tensor& x0) override;
  bool clips_denoised() const override { return false; }  ///< latents have no fixed range

 private:
  LatentDiffusionOptions options_;
  std::shared_ptr<FirstStage> first_stage_;
  std::shared_ptr<ConditioningStage> cond_stage_;
};
TORCH_MODULE(LatentDiffusion);

}  // namespace ldm
