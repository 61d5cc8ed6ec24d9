#include "ldm/modules/losses/reconstruction_kl.h"

#include <ATen/ATen.h>

namespace ldm {

ReconstructionKLImpl::ReconstructionKLImpl(const ReconstructionKLOptions& options) : options_(options) {
  logvar_ =
      register_parameter("logvar", at::full({}, options.logvar_init, at::kFloat), /*requires_grad=*/false);
}

/// Sum of an image's errors, or mean over its values: [B].
torch::Tensor ReconstructionKLImpl::gradient_error(const torch::Tensor& difference) const {
  const auto reduced = [&](const torch::Tensor& values) {
    return options_.mean_over_pixels ? values.flatten(1).mean(1) : values.flatten(1).sum(1);
  };
  return reduced(difference.diff(1, 2).abs()) + reduced(difference.diff(1, 3).abs());
}

/// The error at every value of the image, without that of the gradients.
torch::Tensor ReconstructionKLImpl::error(const torch::Tensor& inputs,
                                          const torch::Tensor& reconstructions) const {
  const torch::Tensor difference = inputs - reconstructions;
  torch::Tensor error = options_.l1_weight * difference.abs();
  if (options_.l2_weight != 0) error = error + options_.l2_weight * difference.pow(2);
  return error;
}

TrainingLoss ReconstructionKLImpl::forward(const torch::Tensor& inputs, const torch::Tensor& reconstructions,
                                           const DiagonalGaussianDistribution& posterior,
                                           const std::string& split) const {
  const torch::Tensor rec_loss = error(inputs, reconstructions);
  const torch::Tensor nll = (rec_loss / logvar_.exp() + logvar_).flatten(1);
  torch::Tensor nll_loss = (options_.mean_over_pixels ? nll.mean(1) : nll.sum(1)).mean();
  if (options_.gradient_weight != 0) {
    nll_loss = nll_loss + options_.gradient_weight * gradient_error(inputs - reconstructions).mean();
  }
  const torch::Tensor kl_loss = posterior.kl().mean();
  TrainingLoss result{nll_loss + options_.kl_weight * kl_loss, {}};
  result.log = {{split + "/total_loss", result.loss},
                {split + "/logvar", logvar_},
                {split + "/kl_loss", kl_loss},
                {split + "/nll_loss", nll_loss},
                {split + "/rec_loss", rec_loss.mean()}};
  return result;
}

}  // namespace ldm
