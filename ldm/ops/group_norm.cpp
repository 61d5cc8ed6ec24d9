#include "ldm/ops/group_norm.h"

#include <ATen/ATen.h>

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

/// Statistics by Welford's method in float64, then one pass x * scale + shift.
at::Tensor group_norm_exact(const at::Tensor& x, std::int64_t groups, const at::Tensor& weight,
                            const at::Tensor& bias, double eps) {
  const std::int64_t batch = x.size(0), channels = x.size(1);
  const at::Tensor grouped = x.view({batch, groups, channels / groups, x.size(2), x.size(3)});
  const auto [variance, mean] =
      at::var_mean(grouped, at::IntArrayRef{2, 3, 4}, /*unbiased=*/false, /*keepdim=*/true);
  const at::Tensor by_channel = weight.view({1, groups, channels / groups, 1, 1});
  const at::Tensor scale = (variance + eps).rsqrt() * by_channel;
  const at::Tensor shift = bias.view_as(by_channel) - mean * scale;
  const std::vector<std::int64_t> per_channel{batch, channels, 1, 1};
  return at::addcmul(shift.reshape(per_channel), x, scale.reshape(per_channel));
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
