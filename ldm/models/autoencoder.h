#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "ldm/lr_scheduler.h"
#include "ldm/modules/diffusionmodules/model.h"
#include "ldm/modules/distributions/distributions.h"
#include "ldm/modules/layers.h"
#include "ldm/modules/losses/reconstruction_kl.h"

namespace ldm {

/// What a first stage's encoder gives: a distribution over latents (KL) or the latent itself (VQ, identity).
using FirstStageEncoding = std::variant<DiagonalGaussianDistribution, torch::Tensor>;

/// The role "first stage": whatever a `first_stage_config` may name.
class FirstStage : public Module {
 public:
  /// x [B, C, H, W], values in [-1, 1] -> latent [B, c, h, w], or its distribution.
  virtual FirstStageEncoding encode(const torch::Tensor& x) = 0;
  /// z [B, c, h, w] -> image [B, C, H, W], values about [-1, 1], not clamped.
  virtual torch::Tensor decode(const torch::Tensor& z) = 0;
  /// Whether latents come from a codebook, so that `quantize` works.
  virtual bool can_quantize() const { return false; }
  /// z [B, c, h, w] with each position replaced by the nearest code. Throws std::logic_error for a first
  /// stage without a codebook (KL, identity).
  virtual torch::Tensor quantize(const torch::Tensor& z);
};

struct AutoencoderKLOptions {
  vae::DdConfig ddconfig;
  std::int64_t embed_dim;
  std::shared_ptr<Module> loss;  ///< training loss, whose parameters checkpoints may hold; may be null
  std::optional<std::string> ckpt_path;  ///< weights to start training from; building reads none
  std::vector<std::string> ignore_keys;  ///< beginnings of keys that are not taken from there
  std::string image_key = "image";       ///< of a batch
  std::string monitor;  ///< the logged value that says which checkpoints are best; may be empty
  std::shared_ptr<LrScheduler> scheduler;  ///< ours, as a diffusion model's scheduler_config; may be null
};

/// ldm.models.autoencoder.AutoencoderKL. With half weights, inputs are converted on the way in and results
/// come out in float32.
class AutoencoderKLImpl : public FirstStage {
 public:
  /// Throws std::invalid_argument unless ddconfig.double_z is set.
  explicit AutoencoderKLImpl(const AutoencoderKLOptions& options);
  const AutoencoderKLOptions& options() const { return options_; }
  /// The loss to train with. Throws std::invalid_argument if there is none: torch.nn.Identity, in configs for
  /// inference.
  std::shared_ptr<ReconstructionKLImpl> training_loss() const;
  FirstStageEncoding encode(const torch::Tensor& x) override;
  torch::Tensor decode(const torch::Tensor& z) override;
  /// The distribution that `encode` gives, without the variant.
  DiagonalGaussianDistribution encode_posterior(const torch::Tensor& x);

 private:
  AutoencoderKLOptions options_;
  vae::Encoder encoder_{nullptr};
  vae::Decoder decoder_{nullptr};
  Conv2d quant_conv_{nullptr}, post_quant_conv_{nullptr};
};
TORCH_MODULE(AutoencoderKL);

/// ldm.models.autoencoder.IdentityFirstStage: images are their own latents.
class IdentityFirstStageImpl : public FirstStage {
 public:
  FirstStageEncoding encode(const torch::Tensor& x) override { return x; }
  torch::Tensor decode(const torch::Tensor& z) override { return z; }
};
TORCH_MODULE(IdentityFirstStage);

}  // namespace ldm
