#pragma once

#include <ATen/core/Tensor.h>

#include <initializer_list>
#include <type_traits>

#include "ldm/ops/cpu/kernels.h"

namespace ldm::ops::cpu {

/// Whether our own kernels can take these: dense, with values, on the CPU, all float32 or all bfloat16,
/// nothing to differentiate, no autocast to another type.
bool takes(std::initializer_list<at::Tensor> tensors);

/// Whether a float32 version of an op is many times as fast as that of these tensors' own type: float16, and
/// bfloat16 on processors without products of it. On the CPU, nothing to differentiate, no autocast.
bool widens(std::initializer_list<at::Tensor> tensors);

/// A tensor as float32; undefined stays undefined.
at::Tensor widened(const at::Tensor& tensor);

/// A tensor's values; T is float or Bf16.
template <typename T>
const T* values_of(const at::Tensor& tensor) {
  using Element = std::conditional_t<std::is_same_v<T, float>, float, at::BFloat16>;
  return reinterpret_cast<const T*>(tensor.const_data_ptr<Element>());
}

template <typename T>
T* mutable_values_of(const at::Tensor& tensor) {
  using Element = std::conditional_t<std::is_same_v<T, float>, float, at::BFloat16>;
  return reinterpret_cast<T*>(tensor.mutable_data_ptr<Element>());
}

/// Calls `function` with a value of the type that the kernels have for a tensor's elements.
template <typename Function>
void with_type_of(const at::Tensor& tensor, Function function) {
  tensor.scalar_type() == at::kFloat ? function(float{}) : function(Bf16{});
}

}  // namespace ldm::ops::cpu
