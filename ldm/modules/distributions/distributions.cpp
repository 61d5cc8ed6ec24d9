#include "ldm/modules/distributions/distributions.h"

#include <ATen/ATen.h>

#include <cmath>

namespace ldm {
namespace {

constexpr double kLogTwoPi = 1.8378770664093453;

at::Tensor sum_per_sample(const at::Tensor& x) {
  return x.flatten(1).sum(1);
}

}  // namespace

DiagonalGaussianDistribution::DiagonalGaussianDistribution(const at::Tensor& parameters) {
  TORCH_CHECK(parameters.dim() >= 2 && parameters.size(1) % 2 == 0,
              "DiagonalGaussianDistribution: expected [B, 2C, ...], got ", parameters.sizes());
  const auto halves = parameters.chunk(2, 1);
  mean_ = halves[0];
  logvar_ = halves[1].clamp(-30.0, 20.0);
}

at::Tensor DiagonalGaussianDistribution::std() const {
  return at::exp(0.5 * logvar_);
}

at::Tensor DiagonalGaussianDistribution::var() const {
  return at::exp(logvar_);
}

at::Tensor DiagonalGaussianDistribution::sample(const std::optional<at::Generator>& generator) const {
  const at::Tensor noise = at::randn(mean_.sizes(), generator, at::TensorOptions().dtype(at::kFloat));
  return mean_ + std() * noise.to(mean_.device());
}

at::Tensor DiagonalGaussianDistribution::kl() const {
  return 0.5 * sum_per_sample(mean_.pow(2) + var() - 1.0 - logvar_);
}

at::Tensor DiagonalGaussianDistribution::kl(const DiagonalGaussianDistribution& other) const {
  return 0.5 * sum_per_sample((mean_ - other.mean_).pow(2) / other.var() + var() / other.var() - 1.0 -
                              logvar_ + other.logvar_);
}

at::Tensor DiagonalGaussianDistribution::nll(const at::Tensor& sample) const {
  return 0.5 * sum_per_sample(kLogTwoPi + logvar_ + (sample - mean_).pow(2) / var());
}

}  // namespace ldm
