#pragma once

#include <ATen/core/Tensor.h>

#include <initializer_list>

namespace ldm::ops::cpu {

/// Whether our own kernels can take these: dense float32 with values, on the CPU, nothing to differentiate, no
/// autocast to another type.
bool takes_float32(std::initializer_list<at::Tensor> tensors);

}  // namespace ldm::ops::cpu
