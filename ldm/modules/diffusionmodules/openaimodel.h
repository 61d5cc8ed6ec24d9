#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <optional>
#include <vector>

#include "ldm/modules/diffusionmodules/unet_blocks.h"
#include "ldm/modules/layers.h"

namespace ldm {

/// The role "network inside the diffusion model": whatever a `unet_config` may name.
class DiffusionNetwork : public Module {
 public:
  /// x [B, C, H, W] float; timesteps [B], integer or fractional, in [0, 1000); context [B, M, context_dim];
  /// y [B] int64 class labels. Returns [B, out_channels, H, W].
  virtual torch::Tensor forward(const torch::Tensor& x, const torch::Tensor& timesteps,
                                const std::optional<torch::Tensor>& context,
                                const std::optional<torch::Tensor>& y) = 0;
};

/// The constructor's arguments of the reference's UNetModel, under its names and defaults, plus `num_groups`.
struct UNetModelOptions {
  std::int64_t in_channels, model_channels, out_channels, num_res_blocks;
  std::vector<std::int64_t> attention_resolutions;  ///< downsampling factors at which attention is used
  std::vector<std::int64_t> channel_mult{1, 2, 4, 8};
  double dropout = 0;
  bool conv_resample = true;
  std::optional<std::int64_t> num_classes;
  std::int64_t num_heads = -1, num_head_channels = -1, num_heads_upsample = -1;
  bool use_scale_shift_norm = false, resblock_updown = false, use_new_attention_order = false;
  bool use_spatial_transformer = false;
  std::int64_t transformer_depth = 1;
  std::optional<std::int64_t> context_dim;
  std::optional<std::int64_t> n_embed;
  bool legacy = true;
  std::int64_t num_groups = 32;  ///< groups of every group norm; the reference fixes 32
  bool use_checkpoint = false;   ///< training computes blocks twice to save memory
};

/// ldm.modules.diffusionmodules.openaimodel.UNetModel (2-D): the denoising network with skip connections.
class UNetModelImpl : public DiffusionNetwork {
 public:
  /// Throws std::invalid_argument for options that contradict each other.
  explicit UNetModelImpl(const UNetModelOptions& options);
  /// As the role; H and W of any size: where halving left an odd size, the way up takes the skip's size.
  /// With `n_embed` the result is [B, n_embed, H, W]: logits over the first stage's codebook.
  torch::Tensor forward(const torch::Tensor& x, const torch::Tensor& timesteps,
                        const std::optional<torch::Tensor>& context = std::nullopt,
                        const std::optional<torch::Tensor>& y = std::nullopt) override;

 private:
  void build_input_blocks();
  void build_middle_block();
  void build_output_blocks();
  void build_output_layers();
  void add_res_block(unet::TimestepEmbedSequential& block, std::int64_t out_channels, bool up, bool down);
  void add_attention(unet::TimestepEmbedSequential& block, bool upsampling);
  bool has_attention() const;
  torch::Tensor embed(const torch::Tensor& x, const torch::Tensor& timesteps,
                      const std::optional<torch::Tensor>& y);
  torch::Tensor output_layers(const torch::Tensor& h);

  UNetModelOptions options_;
  std::int64_t time_embed_dim_;
  std::int64_t channels_ = 0;    // while building: channels at the current place
  std::int64_t downsample_ = 1;  // while building: downsampling factor at the current place
  std::vector<std::int64_t> skip_channels_;

  Container time_embed_{nullptr};
  Linear time_embed_in_{nullptr}, time_embed_out_{nullptr};
  Embedding label_emb_{nullptr};
  std::vector<unet::TimestepEmbedSequential> input_blocks_, output_blocks_;
  unet::TimestepEmbedSequential middle_block_{nullptr};
  GroupNorm out_norm_{nullptr};
  Conv2d out_conv_{nullptr};
  GroupNorm id_norm_{nullptr};
  Conv2d id_conv_{nullptr};
};
TORCH_MODULE(UNetModel);

}  // namespace ldm
