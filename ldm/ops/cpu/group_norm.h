#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>

namespace ldm::ops::cpu {

/// Whether group_norm can take these: a float32 or bfloat16 map in channels_last on the CPU, nothing to
/// differentiate.
bool group_norm_takes(const at::Tensor& x, const at::Tensor& weight, const at::Tensor& bias);

/// ops::group_norm, and silu of it if `silu`, in two passes over x [B, C, H, W]. Statistics in float64.
at::Tensor group_norm(const at::Tensor& x, std::int64_t groups, const at::Tensor& weight,
                      const at::Tensor& bias, double eps, bool silu);

}  // namespace ldm::ops::cpu
