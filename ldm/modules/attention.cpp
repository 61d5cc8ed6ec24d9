#include "ldm/modules/attention.h"

#include <ATen/ATen.h>

#include "ldm/modules/gradient_checkpoint.h"
#include "ldm/ops/attention.h"
#include "ldm/ops/geglu.h"

namespace ldm {

GEGLUImpl::GEGLUImpl(std::int64_t dim_in, std::int64_t dim_out)
    : proj_(register_module("proj", Linear(dim_in, 2 * dim_out))) {}

torch::Tensor GEGLUImpl::forward(const torch::Tensor& x) {
  // An observer of the projection wants it as a whole.
  if (proj_->is_observed()) return observed(ops::geglu(proj_(x)));
  return observed(ops::geglu_of(x, [this](const torch::Tensor& rows) { return proj_(rows); }));
}

FeedForwardImpl::FeedForwardImpl(std::int64_t dim, std::int64_t mult) {
  Container net = register_module("net", Container());
  project_in_ = net->add("0", GEGLU(dim, dim * mult));
  project_out_ = net->add("2", Linear(dim * mult, dim));  // "1" is the reference's dropout
}

torch::Tensor FeedForwardImpl::forward(const torch::Tensor& x) {
  return observed(project_out_(project_in_(x)));
}

CrossAttentionImpl::CrossAttentionImpl(std::int64_t query_dim, std::int64_t context_dim, std::int64_t heads,
                                       std::int64_t dim_head)
    : heads_(heads) {
  const std::int64_t inner_dim = heads * dim_head;
  to_q_ = register_module("to_q", Linear(query_dim, inner_dim, /*with_bias=*/false));
  to_k_ = register_module("to_k", Linear(context_dim, inner_dim, /*with_bias=*/false));
  to_v_ = register_module("to_v", Linear(context_dim, inner_dim, /*with_bias=*/false));
  to_out_ = register_module("to_out", Container())->add("0", Linear(inner_dim, query_dim));
}

torch::Tensor CrossAttentionImpl::forward(const torch::Tensor& x,
                                          const std::optional<torch::Tensor>& context) {
  const torch::Tensor& source = context ? *context : x;
  return observed(to_out_(ops::attention(to_q_(x), to_k_(source), to_v_(source), heads_)));
}

BasicTransformerBlockImpl::BasicTransformerBlockImpl(std::int64_t dim, std::int64_t heads,
                                                     std::int64_t dim_head,
                                                     std::optional<std::int64_t> context_dim,
                                                     bool use_checkpoint)
    : use_checkpoint_(use_checkpoint) {
  attn1_ = register_module("attn1", CrossAttention(dim, dim, heads, dim_head));
  ff_ = register_module("ff", FeedForward(dim));
  attn2_ = register_module("attn2", CrossAttention(dim, context_dim.value_or(dim), heads, dim_head));
  norm1_ = register_module("norm1", LayerNorm(dim));
  norm2_ = register_module("norm2", LayerNorm(dim));
  norm3_ = register_module("norm3", LayerNorm(dim));
}

torch::Tensor BasicTransformerBlockImpl::forward(torch::Tensor x,
                                                 const std::optional<torch::Tensor>& context) {
  if (!use_checkpoint_) return compute(x, context);
  std::vector<torch::Tensor> inputs{x};
  if (context) inputs.push_back(*context);
  return gradient_checkpoint(
      [this](const std::vector<torch::Tensor>& in) {
        return compute(in[0], in.size() > 1 ? std::optional(in[1]) : std::nullopt);
      },
      inputs, *this);
}

torch::Tensor BasicTransformerBlockImpl::compute(torch::Tensor x,
                                                 const std::optional<torch::Tensor>& context) {
  x = attn1_(norm1_(x)) + x;
  x = attn2_(norm2_(x), context) + x;
  x = ff_(norm3_(x)) + x;
  return observed(x);
}

SpatialTransformerImpl::SpatialTransformerImpl(const SpatialTransformerOptions& options) {
  const std::int64_t inner_dim = options.heads * options.dim_head;
  norm_ = register_module("norm", GroupNorm(options.num_groups, options.in_channels, 1e-6));
  proj_in_ = register_module("proj_in", Conv2d(Conv2dOptions{options.in_channels, inner_dim, 1}));
  Container blocks = register_module("transformer_blocks", Container());
  for (std::int64_t i = 0; i < options.depth; ++i) {
    blocks_.push_back(
        blocks->add(std::to_string(i), BasicTransformerBlock(inner_dim, options.heads, options.dim_head,
                                                             options.context_dim, options.use_checkpoint)));
  }
  Conv2dOptions out{inner_dim, options.in_channels, 1};
  out.zero_init = true;
  proj_out_ = register_module("proj_out", Conv2d(out));
}

torch::Tensor SpatialTransformerImpl::forward(const torch::Tensor& x,
                                              const std::optional<torch::Tensor>& context) {
  torch::Tensor h = proj_in_(norm_(x));
  const std::int64_t channels = h.size(1), height = h.size(2), width = h.size(3);
  // Free of copies where h is channels_last.
  h = h.permute({0, 2, 3, 1}).reshape({h.size(0), height * width, channels});
  for (auto& block : blocks_) h = block(h, context);
  h = h.view({h.size(0), height, width, channels}).permute({0, 3, 1, 2});
  return observed(proj_out_(h) + x);
}

LinearAttentionImpl::LinearAttentionImpl(std::int64_t dim, std::int64_t heads, std::int64_t dim_head)
    : heads_(heads), dim_head_(dim_head) {
  Conv2dOptions qkv{dim, 3 * heads * dim_head, 1};
  qkv.bias = false;
  to_qkv_ = register_module("to_qkv", Conv2d(qkv));
  to_out_ = register_module("to_out", Conv2d(Conv2dOptions{heads * dim_head, dim, 1}));
}

torch::Tensor LinearAttentionImpl::forward(const torch::Tensor& x) {
  const std::int64_t batch = x.size(0), height = x.size(2), width = x.size(3);
  const auto qkv = to_qkv_(x).reshape({batch, 3, heads_, dim_head_, height * width}).unbind(1);
  const torch::Tensor keys = qkv[1].softmax(-1);
  const torch::Tensor context = keys.matmul(qkv[2].transpose(-2, -1));  // [B, heads, d, e]
  const torch::Tensor out = context.transpose(-2, -1).matmul(qkv[0]);   // [B, heads, e, pixels]
  return observed(to_out_(out.reshape({batch, heads_ * dim_head_, height, width})));
}

}  // namespace ldm
