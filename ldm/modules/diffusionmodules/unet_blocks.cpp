#include "ldm/modules/diffusionmodules/unet_blocks.h"

#include <ATen/ATen.h>

#include "ldm/modules/gradient_checkpoint.h"
#include "ldm/ops/attention.h"

namespace ldm::unet {
namespace {

Conv2dOptions conv3x3(std::int64_t in_channels, std::int64_t out_channels) {
  Conv2dOptions options{in_channels, out_channels, 3};
  options.padding = 1;
  return options;
}

}  // namespace

UpsampleImpl::UpsampleImpl(std::int64_t channels, bool use_conv, std::int64_t out_channels) {
  if (use_conv) conv_ = register_module("conv", Conv2d(conv3x3(channels, out_channels)));
}

torch::Tensor UpsampleImpl::forward(torch::Tensor x, const std::optional<SpatialSize>& size) {
  const SpatialSize target = size.value_or(SpatialSize{2 * x.size(2), 2 * x.size(3)});
  x = at::upsample_nearest2d(x, {target.height, target.width});
  return observed(conv_.is_empty() ? x : conv_(x));
}

DownsampleImpl::DownsampleImpl(std::int64_t channels, bool use_conv, std::int64_t out_channels) {
  if (!use_conv) return;
  Conv2dOptions options = conv3x3(channels, out_channels);
  options.stride = 2;
  op_ = register_module("op", Conv2d(options));
}

torch::Tensor DownsampleImpl::forward(const torch::Tensor& x) {
  return observed(op_.is_empty() ? at::avg_pool2d(x, {2, 2}, {2, 2}) : op_(x));
}

ResBlockImpl::ResBlockImpl(const ResBlockOptions& options) : options_(options) {
  const std::int64_t in = options.channels, out = options.out_channels;
  Container in_layers = register_module("in_layers", Container());
  in_norm_ = in_layers->add("0", GroupNorm(options.num_groups, in, 1e-5));
  in_conv_ = in_layers->add("2", Conv2d(conv3x3(in, out)));
  if (options.up) {
    upsample_ = register_module("h_upd", Upsample(in, /*use_conv=*/false, in));
  } else if (options.down) {
    downsample_ = register_module("h_upd", Downsample(in, /*use_conv=*/false, in));
  }
  emb_proj_ = register_module("emb_layers", Container())
                  ->add("1", Linear(options.emb_channels, options.use_scale_shift_norm ? 2 * out : out));
  Container out_layers = register_module("out_layers", Container());
  out_norm_ = out_layers->add("0", GroupNorm(options.num_groups, out, 1e-5));
  Conv2dOptions last = conv3x3(out, out);
  last.zero_init = true;
  out_conv_ = out_layers->add("3", Conv2d(last));
  if (in != out) skip_connection_ = register_module("skip_connection", Conv2d(Conv2dOptions{in, out, 1}));
}

torch::Tensor ResBlockImpl::resample(const torch::Tensor& x, const BlockInputs& inputs) {
  if (options_.up) return upsample_(x, inputs.upsampled_to);
  return options_.down ? downsample_(x) : x;
}

torch::Tensor ResBlockImpl::forward(torch::Tensor x, const BlockInputs& inputs) {
  if (!options_.use_checkpoint) return compute(x, inputs);
  const auto size = inputs.upsampled_to;
  return gradient_checkpoint(
      [this, size](const std::vector<torch::Tensor>& in) {
        return compute(in[0], {in[1], std::nullopt, size});
      },
      {x, inputs.emb}, *this, options_.dropout > 0 && is_training());
}

torch::Tensor ResBlockImpl::compute(torch::Tensor x, const BlockInputs& inputs) {
  torch::Tensor h = in_conv_(resample(in_norm_->forward_silu(x), inputs));
  x = resample(x, inputs);
  const torch::Tensor emb = emb_proj_(at::silu(inputs.emb)).to(h.scalar_type()).unsqueeze(-1).unsqueeze(-1);
  if (options_.use_scale_shift_norm) {
    const auto scale_shift = emb.chunk(2, 1);
    h = at::silu(out_norm_(h) * (1 + scale_shift[0]) + scale_shift[1]);
  } else {
    h = out_norm_->forward_silu(h + emb);
  }
  h = out_conv_(at::dropout(h, options_.dropout, is_training()));
  return observed((skip_connection_.is_empty() ? x : skip_connection_(x)) + h);
}

AttentionBlockImpl::AttentionBlockImpl(const AttentionBlockOptions& options) : options_(options) {
  norm_ = register_module("norm", GroupNorm(options.num_groups, options.channels, 1e-5));
  qkv_ = register_module("qkv", PointwiseConv1d(options.channels, 3 * options.channels));
  proj_out_ =
      register_module("proj_out", PointwiseConv1d(options.channels, options.channels, /*zero_init=*/true));
}

torch::Tensor AttentionBlockImpl::forward(const torch::Tensor& x) {
  if (!options_.use_checkpoint) return compute(x);
  return gradient_checkpoint([this](const std::vector<torch::Tensor>& in) { return compute(in[0]); }, {x},
                             *this);
}

torch::Tensor AttentionBlockImpl::compute(const torch::Tensor& x) {
  const std::int64_t batch = x.size(0), channels = x.size(1), pixels = x.size(2) * x.size(3);
  const std::int64_t heads = options_.num_heads, dim_head = channels / heads;
  const torch::Tensor flat = norm_(x).flatten(2).transpose(1, 2);  // [B, pixels, C]
  const torch::Tensor qkv = qkv_(flat);                            // [B, pixels, 3C]
  std::vector<torch::Tensor> parts;
  if (options_.use_new_attention_order) {
    parts = qkv.chunk(3, -1);
  } else {
    for (auto& part : qkv.view({batch, pixels, heads, 3, dim_head}).unbind(3)) {
      parts.push_back(part.reshape({batch, pixels, channels}));
    }
  }
  const torch::Tensor h = proj_out_(ops::attention(parts[0], parts[1], parts[2], heads));
  return observed(x + h.transpose(1, 2).reshape(x.sizes()));
}

torch::Tensor TimestepEmbedSequentialImpl::forward(torch::Tensor x, const BlockInputs& inputs) {
  for (auto& layer : calls_) x = layer(x, inputs);
  return observed(x);
}

}  // namespace ldm::unet
