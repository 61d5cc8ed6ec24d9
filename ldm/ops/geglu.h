#pragma once

#include <ATen/core/Tensor.h>

namespace ldm::ops {

/// Gated GELU: projected [..., 2 * D] holds values and gates side by side -> values * gelu(gates), [..., D].
/// gelu is the exact one (by erf). Shazeer, "GLU Variants Improve Transformer", 2020.
at::Tensor geglu(const at::Tensor& projected);

}  // namespace ldm::ops
