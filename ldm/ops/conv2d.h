#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>

namespace ldm::ops {

/// x [B, C, H, W], weight [O, C, k, k], bias [O] or undefined -> [B, O, H', W'], zero padding on all sides.
at::Tensor conv2d(const at::Tensor& x, const at::Tensor& weight, const at::Tensor& bias, std::int64_t stride,
                  std::int64_t padding);

/// The same by ATen alone, for every device and for training.
at::Tensor conv2d_reference(const at::Tensor& x, const at::Tensor& weight, const at::Tensor& bias,
                            std::int64_t stride, std::int64_t padding);

}  // namespace ldm::ops
