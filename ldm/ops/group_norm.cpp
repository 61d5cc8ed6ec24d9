#include "ldm/ops/group_norm.h"

#include <ATen/ATen.h>

#include <algorithm>
#include <array>
#include <utility>

namespace ldm::ops {
namespace {

/// Values in one group above which ATen's channels_last kernel, which adds float32 squares in a row, loses a
/// digit (seen in the VAE's last norm at 512x512: 1.4e-5 in place of 1e-6).
constexpr std::int64_t kLargeGroup = 1 << 16;

bool needs_exact_statistics(const at::Tensor& x, std::int64_t groups) {
  return x.is_cpu() && x.scalar_type() == at::kFloat && x.dim() == 4 && !at::GradMode::is_enabled() &&
         x.numel() / (x.size(0) * groups) > kLargeGroup && x.is_contiguous(at::MemoryFormat::ChannelsLast) &&
         !x.is_contiguous();
}

/// Values of a band of rows: small enough to stay in the processor's cache between its two passes.
constexpr std::int64_t kBand = 1 << 20;

/// Mean and variance over the pixels of each channel, float64 [B, C]: float32 sums over bands of rows, added
/// up in float64. Summed are distances from the first band's mean, since squares of what lies far from zero
/// would lose digits.
std::pair<at::Tensor, at::Tensor> channel_moments(const at::Tensor& x) {
  const std::array<std::int64_t, 2> pixels_of{2, 3};
  const std::int64_t height = x.size(2), pixels = height * x.size(3);
  const std::int64_t rows = std::clamp<std::int64_t>(kBand * height / x.numel(), 1, height);
  const at::Tensor origin = x.slice(2, 0, rows).mean(pixels_of, /*keepdim=*/true);
  at::Tensor sum = at::zeros({x.size(0), x.size(1)}, x.options().dtype(at::kDouble));
  at::Tensor square = at::zeros_like(sum);
  for (std::int64_t row = 0; row < height; row += rows) {
    const at::Tensor band = x.slice(2, row, std::min(row + rows, height)) - origin;
    sum += band.sum(pixels_of);
    square += (band * band).sum(pixels_of);
  }
  const at::Tensor offset = sum / pixels;
  return {origin.flatten(1).to(at::kDouble) + offset, square / pixels - offset * offset};
}

/// Statistics in float64, then one pass x * scale + shift.
at::Tensor group_norm_exact(const at::Tensor& x, std::int64_t groups, const at::Tensor& weight,
                            const at::Tensor& bias, double eps) {
  const std::int64_t batch = x.size(0), channels = x.size(1);
  const auto grouped = [&](const at::Tensor& values) {
    return values.view({batch, groups, channels / groups});
  };
  const auto [channel_mean, channel_variance] = channel_moments(x);
  const at::Tensor mean = grouped(channel_mean).mean(2, /*keepdim=*/true);
  const at::Tensor between = (grouped(channel_mean) - mean).pow(2);
  const at::Tensor variance = (grouped(channel_variance) + between).mean(2, /*keepdim=*/true).clamp_min(0);
  const at::Tensor by_channel = weight.view({1, groups, channels / groups});
  const at::Tensor scale = (variance + eps).rsqrt() * by_channel;
  const at::Tensor shift = bias.view_as(by_channel) - mean * scale;
  const auto per_channel = [&](const at::Tensor& values) {
    return values.to(x.scalar_type()).reshape({batch, channels, 1, 1});
  };
  return at::addcmul(per_channel(shift), x, per_channel(scale));
}

}  // namespace

at::Tensor group_norm(const at::Tensor& x, std::int64_t groups, const at::Tensor& weight,
                      const at::Tensor& bias, double eps) {
  if (needs_exact_statistics(x, groups)) return group_norm_exact(x, groups, weight, bias, eps);
  return at::group_norm(x, groups, weight, bias, eps);
}

at::Tensor group_norm_silu(const at::Tensor& x, std::int64_t groups, const at::Tensor& weight,
                           const at::Tensor& bias, double eps) {
  at::Tensor y = group_norm(x, groups, weight, bias, eps);
  // In place saves a pass over memory, but autograd needs the normalised values for the backward pass.
  return y.requires_grad() ? at::silu(y) : at::silu_(y);
}

}  // namespace ldm::ops
