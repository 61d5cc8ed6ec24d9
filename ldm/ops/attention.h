#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>

namespace ldm::ops {

/// Multi-head attention softmax(Q K^T / sqrt(D)) V that never forms Q K^T as a whole.
///
/// query [B, N, heads * D], key and value [B, M, heads * D] -> [B, N, heads * D], in query's dtype.
/// `causal`: row i sees columns 0..i only.
at::Tensor attention(const at::Tensor& query, const at::Tensor& key, const at::Tensor& value,
                     std::int64_t heads, bool causal = false);

/// The same by its definition, for tests and comparisons: forms Q K^T [B, heads, N, M].
at::Tensor attention_reference(const at::Tensor& query, const at::Tensor& key, const at::Tensor& value,
                               std::int64_t heads, bool causal = false);

}  // namespace ldm::ops
