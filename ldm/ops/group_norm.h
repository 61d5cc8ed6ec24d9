#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>

namespace ldm::ops {

/// x [B, C, ...], weight and bias [C] -> x normalised over each of `groups` groups of channels, then scaled
/// and shifted; same shape, dtype and memory format. Statistics in float32 at least.
at::Tensor group_norm(const at::Tensor& x, std::int64_t groups, const at::Tensor& weight,
                      const at::Tensor& bias, double eps);

/// silu(group_norm(x)), where silu(y) = y * sigmoid(y).
at::Tensor group_norm_silu(const at::Tensor& x, std::int64_t groups, const at::Tensor& weight,
                           const at::Tensor& bias, double eps);

}  // namespace ldm::ops
