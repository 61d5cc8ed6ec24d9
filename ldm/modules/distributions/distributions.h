#pragma once

#include <ATen/core/Generator.h>
#include <ATen/core/Tensor.h>

#include <optional>

namespace ldm {

/// ldm.modules.distributions.distributions.DiagonalGaussianDistribution: what the VAE's encoder gives.
class DiagonalGaussianDistribution {
 public:
  /// parameters [B, 2C, ...]: C channels of mean, then C of log-variance, which is clamped to [-30, 20].
  explicit DiagonalGaussianDistribution(const at::Tensor& parameters);

  const at::Tensor& mean() const { return mean_; }      ///< [B, C, ...]
  const at::Tensor& logvar() const { return logvar_; }  ///< [B, C, ...]
  at::Tensor std() const;
  at::Tensor var() const;

  /// mean + std * noise. As in the reference the noise comes from a CPU generator on every device; without
  /// one from torch's default.
  at::Tensor sample(const std::optional<at::Generator>& generator = std::nullopt) const;
  at::Tensor mode() const { return mean_; }

  /// Divergence from the standard normal, or from `other`, in nats: [B].
  at::Tensor kl() const;
  at::Tensor kl(const DiagonalGaussianDistribution& other) const;
  /// Negative log-likelihood of `sample` [B, C, ...], in nats: [B].
  at::Tensor nll(const at::Tensor& sample) const;

 private:
  at::Tensor mean_, logvar_;
};

}  // namespace ldm
