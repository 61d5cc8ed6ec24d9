#pragma once

#include <ATen/core/Tensor.h>

#include <string>

#include "ldm/modules/distributions/distributions.h"
#include "ldm/modules/losses/training_loss.h"
#include "ldm/modules/module.h"

namespace ldm {

struct ReconstructionKLOptions {
  double l1_weight = 1, l2_weight = 0;
  double gradient_weight = 0;  ///< L1 of the differences of neighbouring pixels, across and down
  double kl_weight = 1e-6;
  double logvar_init = 0;
  /// The reference sums an image's errors; their mean makes the loss, and the KL's share, independent of the
  /// size.
  bool mean_over_pixels = false;
  /// LPIPS or the discriminator is asked for, which are not there: building is fine, training is not.
  std::string missing;
};

/// What is left of ldm.modules.losses.contperceptual.LPIPSWithDiscriminator without LPIPS and without the
/// discriminator: the reconstruction's error under a fixed log-variance, and the posterior's divergence from
/// the standard normal. `logvar` is in the state dict and not trained, as there.
class ReconstructionKLImpl : public Module {
 public:
  explicit ReconstructionKLImpl(const ReconstructionKLOptions& options);

  const ReconstructionKLOptions& options() const { return options_; }
  /// inputs and reconstructions [B, C, H, W]; `split` is "train" or "val". The KL is summed over a sample;
  /// all are means over the batch.
  TrainingLoss forward(const torch::Tensor& inputs, const torch::Tensor& reconstructions,
                       const DiagonalGaussianDistribution& posterior, const std::string& split) const;

 private:
  torch::Tensor error(const torch::Tensor& inputs, const torch::Tensor& reconstructions) const;
  torch::Tensor gradient_error(const torch::Tensor& difference) const;

  ReconstructionKLOptions options_;
  torch::Tensor logvar_;
};
TORCH_MODULE(ReconstructionKL);

}  // namespace ldm
