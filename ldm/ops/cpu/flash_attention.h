#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>

namespace ldm::ops::cpu {

/// Whether flash_attention can take these: float32 on the CPU, or bfloat16 with heads of even width where the
/// processor multiplies such, nothing to differentiate.
bool flash_attention_takes(const at::Tensor& query, const at::Tensor& key, const at::Tensor& value,
                           std::int64_t heads);

/// ops::attention by Dao et al., "FlashAttention", 2022: scores are formed for 64 queries and 512 keys at a
/// time, and softmax is corrected from piece to piece. Transposed, [keys, queries], so that softmax runs down
/// columns and heads of any width fill the registers. Scores, softmax and sums in float32.
at::Tensor flash_attention(const at::Tensor& query, const at::Tensor& key, const at::Tensor& value,
                           std::int64_t heads, bool causal);

}  // namespace ldm::ops::cpu
