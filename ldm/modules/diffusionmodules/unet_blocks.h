#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <functional>
#include <optional>
#include <vector>

#include "ldm/modules/attention.h"
#include "ldm/modules/layers.h"

namespace ldm::unet {

/// Height and width of a feature map, in its own pixels.
struct SpatialSize {
  std::int64_t height, width;
};

/// What a block of the UNet may need beside the feature map.
struct BlockInputs {
  torch::Tensor emb;                        ///< time (and class) embedding [B, time_embed_dim]
  std::optional<torch::Tensor> context;     ///< conditioning [B, M, context_dim]
  std::optional<SpatialSize> upsampled_to;  ///< size an upsampling layer must reach; default twice the input
};

/// ldm.modules.diffusionmodules.openaimodel.Upsample (2-D): nearest neighbour, then a 3x3 convolution if
/// `use_conv`. Parameter names: conv.weight, conv.bias.
class UpsampleImpl : public Module {
 public:
  UpsampleImpl(std::int64_t channels, bool use_conv, std::int64_t out_channels);
  /// x [B, C, H, W] -> [B, C', 2H, 2W], or the size given (a skip connection of odd size needs that).
  torch::Tensor forward(torch::Tensor x, const std::optional<SpatialSize>& size = std::nullopt);

 private:
  Conv2d conv_{nullptr};
};
TORCH_MODULE(Upsample);

/// ldm.modules.diffusionmodules.openaimodel.Downsample (2-D): a 3x3 convolution of stride 2 (`op.weight`,
/// `op.bias`), or 2x2 average pooling without `use_conv`.
class DownsampleImpl : public Module {
 public:
  DownsampleImpl(std::int64_t channels, bool use_conv, std::int64_t out_channels);
  /// x [B, C, H, W] -> [B, C', ceil(H/2), ceil(W/2)] with `use_conv`, floor without.
  torch::Tensor forward(const torch::Tensor& x);

 private:
  Conv2d op_{nullptr};
};
TORCH_MODULE(Downsample);

struct ResBlockOptions {
  std::int64_t channels, emb_channels, out_channels;
  double dropout = 0;
  bool use_scale_shift_norm = false;
  bool up = false, down = false;
  std::int64_t num_groups = 32;
  bool use_checkpoint = false;  ///< see gradient_checkpoint.h
};

/// ldm.modules.diffusionmodules.openaimodel.ResBlock: two convolutions, the embedding added (or, with
/// `use_scale_shift_norm`, applied as scale and shift) between them, plus the input.
class ResBlockImpl : public Module {
 public:
  explicit ResBlockImpl(const ResBlockOptions& options);
  /// x [B, C, H, W], inputs.emb [B, emb_channels] -> [B, out_channels, H', W'].
  torch::Tensor forward(torch::Tensor x, const BlockInputs& inputs);

 private:
  torch::Tensor compute(torch::Tensor x, const BlockInputs& inputs);
  torch::Tensor resample(const torch::Tensor& x, const BlockInputs& inputs);

  ResBlockOptions options_;
  GroupNorm in_norm_{nullptr}, out_norm_{nullptr};
  Conv2d in_conv_{nullptr}, out_conv_{nullptr}, skip_connection_{nullptr};
  Linear emb_proj_{nullptr};
  Upsample upsample_{nullptr};
  Downsample downsample_{nullptr};
};
TORCH_MODULE(ResBlock);

struct AttentionBlockOptions {
  std::int64_t channels, num_heads;
  bool use_new_attention_order = false;
  std::int64_t num_groups = 32;
  bool use_checkpoint = false;  ///< see gradient_checkpoint.h
};

/// ldm.modules.diffusionmodules.openaimodel.AttentionBlock: self-attention over the pixels. The two orders
/// differ in how the 3C channels of `qkv` are cut: heads first (legacy) or q, k, v first (new).
class AttentionBlockImpl : public Module {
 public:
  explicit AttentionBlockImpl(const AttentionBlockOptions& options);
  /// x [B, C, H, W] -> [B, C, H, W].
  torch::Tensor forward(const torch::Tensor& x);

 private:
  torch::Tensor compute(const torch::Tensor& x);

  AttentionBlockOptions options_;
  GroupNorm norm_{nullptr};
  PointwiseConv1d qkv_{nullptr}, proj_out_{nullptr};
};
TORCH_MODULE(AttentionBlock);

/// ldm.modules.diffusionmodules.openaimodel.TimestepEmbedSequential: layers in a row, each given those of the
/// block's inputs that it takes.
class TimestepEmbedSequentialImpl : public Module {
 public:
  /// Appends a layer under the next number.
  template <typename Layer>
  void push_back(Layer layer) {
    register_module(std::to_string(calls_.size()), layer);
    calls_.push_back([layer](const torch::Tensor& x, const BlockInputs& inputs) mutable {
      return call(layer, x, inputs);
    });
  }
  /// x [B, C, H, W] -> the last layer's output.
  torch::Tensor forward(torch::Tensor x, const BlockInputs& inputs);

 private:
  static torch::Tensor call(ResBlock& layer, const torch::Tensor& x, const BlockInputs& inputs) {
    return layer(x, inputs);
  }
  static torch::Tensor call(SpatialTransformer& layer, const torch::Tensor& x, const BlockInputs& inputs) {
    return layer(x, inputs.context);
  }
  static torch::Tensor call(Upsample& layer, const torch::Tensor& x, const BlockInputs& inputs) {
    return layer(x, inputs.upsampled_to);
  }
  template <typename Layer>
  static torch::Tensor call(Layer& layer, const torch::Tensor& x, const BlockInputs&) {
    return layer(x);
  }

  std::vector<std::function<torch::Tensor(const torch::Tensor&, const BlockInputs&)>> calls_;
};
TORCH_MODULE(TimestepEmbedSequential);

}  // namespace ldm::unet
