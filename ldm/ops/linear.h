#pragma once

#include <ATen/core/Tensor.h>

namespace ldm::ops {

/// x [..., in], weight [out, in], bias [out] or undefined -> x W^T + b, [..., out].
at::Tensor linear(const at::Tensor& x, const at::Tensor& weight, const at::Tensor& bias);

}  // namespace ldm::ops
