#pragma once

#include <ATen/core/Tensor.h>

#include <functional>

namespace ldm::ops {

/// Gated GELU: projected [..., 2 * D] holds values and gates side by side -> values * gelu(gates), [..., D].
/// gelu is the exact one (by erf). Shazeer, "GLU Variants Improve Transformer", 2020.
at::Tensor geglu(const at::Tensor& projected);

/// geglu(project(x)) for x [..., C] and a `project` that maps each row [C] -> [2 * D] by itself. For sampling
/// on the CPU it is given a part of the rows at a time, so that what it makes of them stays in the cache and
/// never is there as a whole.
at::Tensor geglu_of(const at::Tensor& x, const std::function<at::Tensor(const at::Tensor&)>& project);

}  // namespace ldm::ops
