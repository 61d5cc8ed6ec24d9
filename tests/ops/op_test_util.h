#pragma once

#include <ATen/core/Tensor.h>

namespace ldm::ops {

/// |actual - expected| / |expected| in float64, as vectors.
double relative_error(const at::Tensor& actual, const at::Tensor& expected);

}  // namespace ldm::ops
