#include "ldm/models/autoencoder.h"

#include <ATen/ATen.h>

#include <stdexcept>

namespace ldm {

torch::Tensor FirstStage::quantize(const torch::Tensor&) {
  throw std::logic_error("expected a first stage with a codebook (VQ), got one that does not quantize");
}

AutoencoderKLImpl::AutoencoderKLImpl(const AutoencoderKLOptions& options) : options_(options) {
  const vae::DdConfig& config = options.ddconfig;
  if (!config.double_z) {
    throw std::invalid_argument(
        "AutoencoderKL: expected ddconfig.double_z true (the encoder gives mean and log-variance), got "
        "false");
  }
  encoder_ = register_module("encoder", vae::Encoder(config));
  decoder_ = register_module("decoder", vae::Decoder(config));
  if (options.loss) register_module("loss", options.loss);
  quant_conv_ =
      register_module("quant_conv", Conv2d(Conv2dOptions{2 * config.z_channels, 2 * options.embed_dim, 1}));
  post_quant_conv_ =
      register_module("post_quant_conv", Conv2d(Conv2dOptions{options.embed_dim, config.z_channels, 1}));
}

std::shared_ptr<ReconstructionKLImpl> AutoencoderKLImpl::training_loss() const {
  auto loss = std::dynamic_pointer_cast<ReconstructionKLImpl>(options_.loss);
  if (loss && loss->options().missing.empty()) return loss;
  if (loss) {
    throw std::invalid_argument("expected in lossconfig " + loss->options().missing +
                                " (ldm.modules.losses.ReconstructionKL has other terms)");
  }
  throw std::invalid_argument(
      "expected lossconfig to name a loss to train with (ldm.modules.losses.ReconstructionKL), got none "
      "(torch.nn.Identity)");
}

DiagonalGaussianDistribution AutoencoderKLImpl::encode_posterior(const torch::Tensor& x) {
  const at::ScalarType dtype = quant_conv_->weight.scalar_type();
  const torch::Tensor moments = quant_conv_(encoder_(x.to(dtype)));
  return DiagonalGaussianDistribution(dtype == at::kFloat ? moments : moments.to(at::kFloat));
}

FirstStageEncoding AutoencoderKLImpl::encode(const torch::Tensor& x) {
  return encode_posterior(x);
}

torch::Tensor AutoencoderKLImpl::decode(const torch::Tensor& z) {
  const at::ScalarType dtype = post_quant_conv_->weight.scalar_type();
  const torch::Tensor image = decoder_(post_quant_conv_(z.to(dtype)));
  return observed(dtype == at::kFloat ? image : image.to(at::kFloat));
}

}  // namespace ldm
