#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <optional>
#include <vector>

#include "ldm/modules/layers.h"

namespace ldm {

/// ldm.modules.attention.GEGLU: a linear layer to twice the width, one half gating the other by GELU.
class GEGLUImpl : public Module {
 public:
  GEGLUImpl(std::int64_t dim_in, std::int64_t dim_out);
  /// [..., dim_in] -> [..., dim_out].
  torch::Tensor forward(const torch::Tensor& x);

 private:
  Linear proj_{nullptr};
};
TORCH_MODULE(GEGLU);

/// ldm.modules.attention.FeedForward with `glu=True`, the only form that the reference's models use.
class FeedForwardImpl : public Module {
 public:
  explicit FeedForwardImpl(std::int64_t dim, std::int64_t mult = 4);
  /// [..., dim] -> [..., dim].
  torch::Tensor forward(const torch::Tensor& x);

 private:
  GEGLU project_in_{nullptr};
  Linear project_out_{nullptr};
};
TORCH_MODULE(FeedForward);

/// ldm.modules.attention.CrossAttention: multi-head attention without biases on q, k and v.
class CrossAttentionImpl : public Module {
 public:
  CrossAttentionImpl(std::int64_t query_dim, std::int64_t context_dim, std::int64_t heads,
                     std::int64_t dim_head);
  /// x [B, N, query_dim], context [B, M, context_dim] -> [B, N, query_dim]. Without a context x attends to
  /// itself (then context_dim must equal query_dim).
  torch::Tensor forward(const torch::Tensor& x, const std::optional<torch::Tensor>& context = std::nullopt);

 private:
  std::int64_t heads_;
  Linear to_q_{nullptr}, to_k_{nullptr}, to_v_{nullptr}, to_out_{nullptr};
};
TORCH_MODULE(CrossAttention);

/// ldm.modules.attention.BasicTransformerBlock: self-attention, cross-attention and feed-forward, each on a
/// normalised input and added to it.
class BasicTransformerBlockImpl : public Module {
 public:
  BasicTransformerBlockImpl(std::int64_t dim, std::int64_t heads, std::int64_t dim_head,
                            std::optional<std::int64_t> context_dim, bool use_checkpoint = false);
  /// x [B, N, dim], context [B, M, context_dim] or none -> [B, N, dim].
  torch::Tensor forward(torch::Tensor x, const std::optional<torch::Tensor>& context);

 private:
  torch::Tensor compute(torch::Tensor x, const std::optional<torch::Tensor>& context);

  bool use_checkpoint_;
  CrossAttention attn1_{nullptr}, attn2_{nullptr};
  FeedForward ff_{nullptr};
  LayerNorm norm1_{nullptr}, norm2_{nullptr}, norm3_{nullptr};
};
TORCH_MODULE(BasicTransformerBlock);

struct SpatialTransformerOptions {
  std::int64_t in_channels = 0, heads = 0, dim_head = 0;
  std::int64_t depth = 1;
  std::optional<std::int64_t> context_dim;
  std::int64_t num_groups = 32;
  bool use_checkpoint = false;  ///< of the transformer blocks, see gradient_checkpoint.h
};

/// ldm.modules.attention.SpatialTransformer: transformer blocks over the pixels of a feature map.
class SpatialTransformerImpl : public Module {
 public:
  explicit SpatialTransformerImpl(const SpatialTransformerOptions& options);
  /// x [B, C, H, W], context [B, M, context_dim] or none -> [B, C, H, W].
  torch::Tensor forward(const torch::Tensor& x, const std::optional<torch::Tensor>& context);

 private:
  GroupNorm norm_{nullptr};
  Conv2d proj_in_{nullptr}, proj_out_{nullptr};
  std::vector<BasicTransformerBlock> blocks_;
};
TORCH_MODULE(SpatialTransformer);

/// ldm.modules.attention.LinearAttention: attention whose softmax runs over the keys alone, so that its cost
/// is linear in the number of pixels. The VAE uses it with one head when `attn_type` is "linear".
class LinearAttentionImpl : public Module {
 public:
  explicit LinearAttentionImpl(std::int64_t dim, std::int64_t heads = 4, std::int64_t dim_head = 32);
  /// x [B, dim, H, W] -> [B, dim, H, W].
  torch::Tensor forward(const torch::Tensor& x);

 private:
  std::int64_t heads_, dim_head_;
  Conv2d to_qkv_{nullptr}, to_out_{nullptr};
};
TORCH_MODULE(LinearAttention);

}  // namespace ldm
