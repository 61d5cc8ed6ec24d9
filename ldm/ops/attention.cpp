#include "ldm/ops/attention.h"

#include <ATen/ATen.h>

#include <cmath>
#include <limits>

#include "ldm/ops/cpu/flash_attention.h"
#include "ldm/ops/cpu/takes.h"

namespace ldm::ops {
namespace {

/// [B, N, heads * D] -> [B, heads, N, D], a view.
at::Tensor split_heads(const at::Tensor& x, std::int64_t heads) {
  TORCH_CHECK(x.dim() == 3 && x.size(2) % heads == 0, "attention: expected [B, N, heads * D] with ", heads,
              " heads, got ", x.sizes());
  return x.view({x.size(0), x.size(1), heads, x.size(2) / heads}).transpose(1, 2);
}

/// [B, heads, N, D] -> [B, N, heads * D].
at::Tensor merge_heads(const at::Tensor& x) {
  return x.transpose(1, 2).flatten(2);
}

}  // namespace

at::Tensor attention(const at::Tensor& query, const at::Tensor& key, const at::Tensor& value,
                     std::int64_t heads, bool causal) {
  if (cpu::flash_attention_takes(query, key, value, heads)) {
    return cpu::flash_attention(query, key, value, heads, causal);
  }
  if (cpu::widens({query, key, value})) {
    return attention(cpu::widened(query), cpu::widened(key), cpu::widened(value), heads, causal)
        .to(query.scalar_type());
  }
  return merge_heads(at::scaled_dot_product_attention(split_heads(query, heads), split_heads(key, heads),
                                                      split_heads(value, heads), {}, 0.0, causal));
}

at::Tensor attention_reference(const at::Tensor& query, const at::Tensor& key, const at::Tensor& value,
                               std::int64_t heads, bool causal) {
  const at::Tensor q = split_heads(query, heads), k = split_heads(key, heads), v = split_heads(value, heads);
  at::Tensor scores = q.matmul(k.transpose(-2, -1)) / std::sqrt(static_cast<double>(q.size(-1)));
  if (causal) {
    const at::Tensor hidden = at::ones({q.size(2), k.size(2)}, scores.options().dtype(at::kBool)).triu(1);
    scores = scores.masked_fill(hidden, -std::numeric_limits<double>::infinity());
  }
  return merge_heads(scores.softmax(-1).matmul(v));
}

}  // namespace ldm::ops
