#pragma once

#include <ATen/core/Tensor.h>

namespace ldm::ops::cpu {

/// Whether geglu can take this: float32 or bfloat16 on the CPU, nothing to differentiate.
bool geglu_takes(const at::Tensor& projected);

/// ops::geglu in one pass, into `out` [..., D], contiguous and of the same type.
void geglu(const at::Tensor& projected, const at::Tensor& out);

}  // namespace ldm::ops::cpu
