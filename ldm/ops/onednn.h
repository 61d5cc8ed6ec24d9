#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>

namespace ldm::ops {

/// Whether oneDNN can take these: dense tensors on the CPU, both float32 or, on processors with AVX-512, both
/// bfloat16 and the bias too if there is one, nothing to differentiate, no autocast, oneDNN in use.
bool onednn_takes(const at::Tensor& x, const at::Tensor& weight, const at::Tensor& bias = {});

/// ops::conv2d through oneDNN with the weight reordered to the blocks that suit x's size. x [B, C, H, W] in
/// either memory format, weight [O, C, k, k] contiguous -> [B, O, H', W'], channels_last.
at::Tensor onednn_conv2d(const at::Tensor& x, const at::Tensor& weight, const at::Tensor& bias,
                         std::int64_t stride, std::int64_t padding);

/// Whether on this processor oneDNN multiplies with another order of a weight's memory than the plain one.
bool onednn_reorders_linear();

/// A weight [out, in] in the order of memory that suits oneDNN's product, for onednn_linear alone. Undefined
/// where onednn_takes would refuse it, and where it would be a copy (onednn_reorders_linear).
at::Tensor onednn_pack_linear(const at::Tensor& weight);

/// ops::linear with a weight [out, in], plain or packed: x [..., in] -> [..., out], in the weight's type.
at::Tensor onednn_linear(const at::Tensor& x, const at::Tensor& weight, const at::Tensor& bias);

/// A convolution of single pixels as the linear map that it is: x [B, C, H, W] in either memory format,
/// weight [O, C], plain or packed -> [B, O, H, W], channels_last.
at::Tensor onednn_pixelwise(const at::Tensor& x, const at::Tensor& weight, const at::Tensor& bias);

}  // namespace ldm::ops
