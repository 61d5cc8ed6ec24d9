#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "ldm/modules/layers.h"

namespace ldm::vae {

/// What the reference's `ddconfig` holds, under its names, plus `num_groups`.
struct DdConfig {
  std::int64_t ch, out_ch, in_channels, resolution, z_channels, num_res_blocks;
  std::vector<std::int64_t> ch_mult{1, 2, 4, 8};
  std::vector<std::int64_t> attn_resolutions;  ///< resolutions (of a `resolution`-sized image) with attention
  double dropout = 0;
  bool double_z = true, resamp_with_conv = true, give_pre_end = false, tanh_out = false;
  std::string attn_type = "vanilla";  ///< "vanilla", "linear" or "none"
  std::int64_t num_groups = 32;       ///< groups of every group norm; the reference fixes 32
};

/// ldm.modules.diffusionmodules.model.ResnetBlock without a time embedding.
class ResnetBlockImpl : public Module {
 public:
  ResnetBlockImpl(std::int64_t in_channels, std::int64_t out_channels, double dropout,
                  std::int64_t num_groups);
  /// x [B, in, H, W] -> [B, out, H, W].
  torch::Tensor forward(const torch::Tensor& x);

 private:
  double dropout_;
  GroupNorm norm1_{nullptr}, norm2_{nullptr};
  Conv2d conv1_{nullptr}, conv2_{nullptr}, nin_shortcut_{nullptr};
};
TORCH_MODULE(ResnetBlock);

/// ldm.modules.diffusionmodules.model.AttnBlock: one head over all pixels.
class AttnBlockImpl : public Module {
 public:
  AttnBlockImpl(std::int64_t in_channels, std::int64_t num_groups);
  /// x [B, C, H, W] -> [B, C, H, W].
  torch::Tensor forward(const torch::Tensor& x);

 private:
  GroupNorm norm_{nullptr};
  Conv2d q_{nullptr}, k_{nullptr}, v_{nullptr}, proj_out_{nullptr};
};
TORCH_MODULE(AttnBlock);

/// ldm.modules.diffusionmodules.model.Upsample: nearest neighbour by two, then a 3x3 convolution if asked
/// for.
class UpsampleImpl : public Module {
 public:
  UpsampleImpl(std::int64_t in_channels, bool with_conv);
  torch::Tensor forward(const torch::Tensor& x);

 private:
  Conv2d conv_{nullptr};
};
TORCH_MODULE(Upsample);

/// ldm.modules.diffusionmodules.model.Downsample: a 3x3 convolution of stride 2 on an input padded by one at
/// the right and the bottom only, or 2x2 average pooling.
class DownsampleImpl : public Module {
 public:
  DownsampleImpl(std::int64_t in_channels, bool with_conv);
  torch::Tensor forward(const torch::Tensor& x);

 private:
  Conv2d conv_{nullptr};
};
TORCH_MODULE(Downsample);

/// Residual blocks of one resolution, each followed by attention where the config asks for it.
class LevelImpl : public Module {
 public:
  /// Registers `block.N`, and `attn.N` when `attention` is set.
  LevelImpl(std::int64_t in_channels, std::int64_t out_channels, std::int64_t blocks, bool attention,
            const DdConfig& config);
  torch::Tensor forward(torch::Tensor x);

 private:
  std::vector<ResnetBlock> blocks_;
  std::vector<std::function<torch::Tensor(const torch::Tensor&)>> attentions_;
};
TORCH_MODULE(Level);

/// The middle of encoder and decoder: block_1, attn_1, block_2.
class MidImpl : public Module {
 public:
  MidImpl(std::int64_t channels, const DdConfig& config);
  torch::Tensor forward(const torch::Tensor& x);

 private:
  ResnetBlock block_1_{nullptr}, block_2_{nullptr};
  std::function<torch::Tensor(const torch::Tensor&)> attn_1_;
};
TORCH_MODULE(Mid);

/// ldm.modules.diffusionmodules.model.Encoder.
class EncoderImpl : public Module {
 public:
  explicit EncoderImpl(const DdConfig& config);
  /// x [B, in_channels, H, W], values about [-1, 1] -> [B, z_channels (twice that if double_z), H/f, W/f]
  /// with f = 2^(len(ch_mult) - 1).
  torch::Tensor forward(const torch::Tensor& x);

 private:
  Conv2d conv_in_{nullptr}, conv_out_{nullptr};
  std::vector<Level> levels_;
  std::vector<Downsample> downsamples_;
  Mid mid_{nullptr};
  GroupNorm norm_out_{nullptr};
};
TORCH_MODULE(Encoder);

/// ldm.modules.diffusionmodules.model.Decoder.
class DecoderImpl : public Module {
 public:
  explicit DecoderImpl(const DdConfig& config);
  /// z [B, z_channels, h, w] -> [B, out_ch, f h, f w].
  torch::Tensor forward(const torch::Tensor& z);

 private:
  bool give_pre_end_, tanh_out_;
  Conv2d conv_in_{nullptr}, conv_out_{nullptr};
  Mid mid_{nullptr};
  std::vector<Level> levels_;        // by level: 0 is the finest
  std::vector<Upsample> upsamples_;  // by level; none at 0
  GroupNorm norm_out_{nullptr};
};
TORCH_MODULE(Decoder);

}  // namespace ldm::vae
