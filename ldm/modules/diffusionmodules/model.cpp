#include "ldm/modules/diffusionmodules/model.h"

#include <ATen/ATen.h>

#include <algorithm>
#include <stdexcept>

#include "ldm/modules/attention.h"
#include "ldm/ops/attention.h"

namespace ldm::vae {
namespace {

constexpr double kEps = 1e-6;

Conv2dOptions conv(std::int64_t in_channels, std::int64_t out_channels, std::int64_t kernel_size,
                   std::int64_t stride = 1) {
  Conv2dOptions options{in_channels, out_channels, kernel_size};
  options.stride = stride;
  options.padding = stride == 1 ? kernel_size / 2 : 0;
  return options;
}

/// The reference's make_attn, registered in `parent` under `name`: what it does to a feature map.
std::function<torch::Tensor(const torch::Tensor&)> add_attention(torch::nn::Module& parent,
                                                                 const std::string& name,
                                                                 std::int64_t channels,
                                                                 const DdConfig& config) {
  if (config.attn_type == "none") return [](const torch::Tensor& x) { return x; };
  if (config.attn_type == "linear") {
    auto block = parent.register_module(name, LinearAttention(channels, /*heads=*/1, channels));
    return [block](const torch::Tensor& x) { return block->forward(x); };
  }
  if (config.attn_type != "vanilla") {
    throw std::invalid_argument("expected attn_type vanilla, linear or none, got '" + config.attn_type + "'");
  }
  auto block = parent.register_module(name, AttnBlock(channels, config.num_groups));
  return [block](const torch::Tensor& x) { return block->forward(x); };
}

bool contains(const std::vector<std::int64_t>& values, std::int64_t value) {
  return std::find(values.begin(), values.end(), value) != values.end();
}

}  // namespace

ResnetBlockImpl::ResnetBlockImpl(std::int64_t in_channels, std::int64_t out_channels, double dropout,
                                 std::int64_t num_groups)
    : dropout_(dropout) {
  norm1_ = register_module("norm1", GroupNorm(num_groups, in_channels, kEps));
  conv1_ = register_module("conv1", Conv2d(conv(in_channels, out_channels, 3)));
  norm2_ = register_module("norm2", GroupNorm(num_groups, out_channels, kEps));
  conv2_ = register_module("conv2", Conv2d(conv(out_channels, out_channels, 3)));
  if (in_channels != out_channels) {
    nin_shortcut_ = register_module("nin_shortcut", Conv2d(conv(in_channels, out_channels, 1)));
  }
}

torch::Tensor ResnetBlockImpl::forward(const torch::Tensor& x) {
  torch::Tensor h = conv1_(norm1_->forward_silu(x));
  h = conv2_(at::dropout(norm2_->forward_silu(h), dropout_, is_training()));
  return observed((nin_shortcut_.is_empty() ? x : nin_shortcut_(x)) + h);
}

AttnBlockImpl::AttnBlockImpl(std::int64_t in_channels, std::int64_t num_groups) {
  norm_ = register_module("norm", GroupNorm(num_groups, in_channels, kEps));
  q_ = register_module("q", Conv2d(conv(in_channels, in_channels, 1)));
  k_ = register_module("k", Conv2d(conv(in_channels, in_channels, 1)));
  v_ = register_module("v", Conv2d(conv(in_channels, in_channels, 1)));
  proj_out_ = register_module("proj_out", Conv2d(conv(in_channels, in_channels, 1)));
}

torch::Tensor AttnBlockImpl::forward(const torch::Tensor& x) {
  const torch::Tensor h = norm_(x);
  const auto pixels = [](const torch::Tensor& map) { return map.permute({0, 2, 3, 1}).flatten(1, 2); };
  const torch::Tensor out = ops::attention(pixels(q_(h)), pixels(k_(h)), pixels(v_(h)), /*heads=*/1);
  const torch::Tensor map = out.view({x.size(0), x.size(2), x.size(3), x.size(1)}).permute({0, 3, 1, 2});
  return observed(x + proj_out_(map));
}

UpsampleImpl::UpsampleImpl(std::int64_t in_channels, bool with_conv) {
  if (with_conv) conv_ = register_module("conv", Conv2d(conv(in_channels, in_channels, 3)));
}

torch::Tensor UpsampleImpl::forward(const torch::Tensor& x) {
  const torch::Tensor up = at::upsample_nearest2d(x, {2 * x.size(2), 2 * x.size(3)});
  return observed(conv_.is_empty() ? up : conv_(up));
}

DownsampleImpl::DownsampleImpl(std::int64_t in_channels, bool with_conv) {
  if (with_conv) conv_ = register_module("conv", Conv2d(conv(in_channels, in_channels, 3, /*stride=*/2)));
}

torch::Tensor DownsampleImpl::forward(const torch::Tensor& x) {
  if (conv_.is_empty()) return observed(at::avg_pool2d(x, {2, 2}, {2, 2}));
  return observed(conv_(at::constant_pad_nd(x, {0, 1, 0, 1})));
}

LevelImpl::LevelImpl(std::int64_t in_channels, std::int64_t out_channels, std::int64_t blocks, bool attention,
                     const DdConfig& config) {
  Container block_list = register_module("block", Container());
  Container attn_list = register_module("attn", Container());
  for (std::int64_t i = 0; i < blocks; ++i) {
    blocks_.push_back(block_list->add(
        std::to_string(i),
        ResnetBlock(i == 0 ? in_channels : out_channels, out_channels, config.dropout, config.num_groups)));
    if (attention) attentions_.push_back(add_attention(*attn_list, std::to_string(i), out_channels, config));
  }
}

torch::Tensor LevelImpl::forward(torch::Tensor x) {
  for (std::size_t i = 0; i < blocks_.size(); ++i) {
    x = blocks_[i](x);
    if (!attentions_.empty()) x = attentions_[i](x);
  }
  return observed(x);
}

MidImpl::MidImpl(std::int64_t channels, const DdConfig& config) {
  block_1_ = register_module("block_1", ResnetBlock(channels, channels, config.dropout, config.num_groups));
  attn_1_ = add_attention(*this, "attn_1", channels, config);
  block_2_ = register_module("block_2", ResnetBlock(channels, channels, config.dropout, config.num_groups));
}

torch::Tensor MidImpl::forward(const torch::Tensor& x) {
  return observed(block_2_(attn_1_(block_1_(x))));
}

EncoderImpl::EncoderImpl(const DdConfig& config) {
  conv_in_ = register_module("conv_in", Conv2d(conv(config.in_channels, config.ch, 3)));
  Container down = register_module("down", Container());
  std::int64_t channels = config.ch, resolution = config.resolution;
  const std::size_t levels = config.ch_mult.size();
  for (std::size_t i = 0; i < levels; ++i) {
    const std::int64_t out = config.ch * config.ch_mult[i];
    const bool attention = contains(config.attn_resolutions, resolution);
    levels_.push_back(
        down->add(std::to_string(i), Level(channels, out, config.num_res_blocks, attention, config)));
    channels = out;
    if (i + 1 == levels) break;
    downsamples_.push_back(
        levels_.back()->register_module("downsample", Downsample(channels, config.resamp_with_conv)));
    resolution /= 2;
  }
  mid_ = register_module("mid", Mid(channels, config));
  norm_out_ = register_module("norm_out", GroupNorm(config.num_groups, channels, kEps));
  const std::int64_t out = config.double_z ? 2 * config.z_channels : config.z_channels;
  conv_out_ = register_module("conv_out", Conv2d(conv(channels, out, 3)));
}

torch::Tensor EncoderImpl::forward(const torch::Tensor& x) {
  torch::Tensor h = conv_in_(x.contiguous(at::MemoryFormat::ChannelsLast));
  for (std::size_t i = 0; i < levels_.size(); ++i) {
    h = levels_[i](h);
    if (i < downsamples_.size()) h = downsamples_[i](h);
  }
  return observed(conv_out_(norm_out_->forward_silu(mid_(h))));
}

DecoderImpl::DecoderImpl(const DdConfig& config)
    : give_pre_end_(config.give_pre_end), tanh_out_(config.tanh_out) {
  const std::size_t levels = config.ch_mult.size();
  std::int64_t channels = config.ch * config.ch_mult.back();
  std::int64_t resolution = config.resolution >> (levels - 1);
  conv_in_ = register_module("conv_in", Conv2d(conv(config.z_channels, channels, 3)));
  mid_ = register_module("mid", Mid(channels, config));
  Container up = register_module("up", Container());
  levels_.assign(levels, Level(nullptr));
  upsamples_.assign(levels, Upsample(nullptr));
  for (std::size_t i = levels; i-- > 0;) {  // from the coarsest
    const std::int64_t out = config.ch * config.ch_mult[i];
    const bool attention = contains(config.attn_resolutions, resolution);
    levels_[i] = Level(channels, out, config.num_res_blocks + 1, attention, config);
    channels = out;
    if (i == 0) continue;
    upsamples_[i] = levels_[i]->register_module("upsample", Upsample(channels, config.resamp_with_conv));
    resolution *= 2;
  }
  for (std::size_t i = 0; i < levels; ++i) up->add(std::to_string(i), levels_[i]);
  norm_out_ = register_module("norm_out", GroupNorm(config.num_groups, channels, kEps));
  conv_out_ = register_module("conv_out", Conv2d(conv(channels, config.out_ch, 3)));
}

torch::Tensor DecoderImpl::forward(const torch::Tensor& z) {
  torch::Tensor h = mid_(conv_in_(z.contiguous(at::MemoryFormat::ChannelsLast)));
  for (std::size_t i = levels_.size(); i-- > 0;) {
    h = levels_[i](h);
    if (i > 0) h = upsamples_[i](h);
  }
  if (give_pre_end_) return observed(h);
  h = conv_out_(norm_out_->forward_silu(h));
  return observed(tanh_out_ ? at::tanh(h) : h);
}

}  // namespace ldm::vae
