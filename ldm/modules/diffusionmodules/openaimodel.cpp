#include "ldm/modules/diffusionmodules/openaimodel.h"

#include <ATen/ATen.h>

#include <algorithm>
#include <stdexcept>
#include <string>

#include "ldm/modules/diffusionmodules/util.h"

namespace ldm {
namespace {

Conv2dOptions conv3x3(std::int64_t in_channels, std::int64_t out_channels) {
  Conv2dOptions options{in_channels, out_channels, 3};
  options.padding = 1;
  return options;
}

UNetModelOptions checked(UNetModelOptions options) {
  if (options.use_spatial_transformer != options.context_dim.has_value()) {
    throw std::invalid_argument(
        "expected use_spatial_transformer and context_dim together (a spatial transformer needs the width of "
        "its conditioning, and only it takes one), got only one of them");
  }
  if (options.num_heads == -1 && options.num_head_channels == -1) {
    throw std::invalid_argument("expected num_heads or num_head_channels to be set, got neither");
  }
  if (options.channel_mult.empty())
    throw std::invalid_argument("expected channel_mult with entries, got none");
  if (options.num_heads_upsample == -1) options.num_heads_upsample = options.num_heads;
  return options;
}

}  // namespace

UNetModelImpl::UNetModelImpl(const UNetModelOptions& options)
    : options_(checked(options)), time_embed_dim_(4 * options.model_channels) {
  time_embed_ = register_module("time_embed", Container());
  time_embed_in_ = time_embed_->add("0", Linear(options_.model_channels, time_embed_dim_));
  time_embed_out_ = time_embed_->add("2", Linear(time_embed_dim_, time_embed_dim_));
  if (options_.num_classes) {
    label_emb_ = register_module("label_emb", Embedding(*options_.num_classes, time_embed_dim_));
  }
  build_input_blocks();
  build_middle_block();
  build_output_blocks();
  build_output_layers();
}

bool UNetModelImpl::has_attention() const {
  const auto& at = options_.attention_resolutions;
  return std::find(at.begin(), at.end(), downsample_) != at.end();
}

void UNetModelImpl::add_res_block(unet::TimestepEmbedSequential& block, std::int64_t out_channels, bool up,
                                  bool down) {
  unet::ResBlockOptions res{channels_, time_embed_dim_, out_channels};
  res.dropout = options_.dropout;
  res.use_scale_shift_norm = options_.use_scale_shift_norm;
  res.up = up;
  res.down = down;
  res.num_groups = options_.num_groups;
  res.use_checkpoint = options_.use_checkpoint;
  block->push_back(unet::ResBlock(res));
  channels_ = out_channels;
}

void UNetModelImpl::add_attention(unet::TimestepEmbedSequential& block, bool upsampling) {
  // As the reference: once num_head_channels is set, num_heads is overwritten at each attention layer and the
  // plain attention block on the way up still counts heads by num_heads_upsample when head width is open.
  std::int64_t dim_head = options_.num_head_channels;
  if (options_.num_head_channels == -1) {
    dim_head = channels_ / options_.num_heads;
  } else {
    options_.num_heads = channels_ / options_.num_head_channels;
  }
  if (options_.use_spatial_transformer) {
    if (options_.legacy) dim_head = channels_ / options_.num_heads;
    SpatialTransformerOptions spatial;
    spatial.in_channels = channels_;
    spatial.heads = options_.num_heads;
    spatial.dim_head = dim_head;
    spatial.depth = options_.transformer_depth;
    spatial.context_dim = options_.context_dim;
    spatial.num_groups = options_.num_groups;
    spatial.use_checkpoint = options_.use_checkpoint;
    block->push_back(SpatialTransformer(spatial));
    return;
  }
  if (options_.legacy) dim_head = options_.num_head_channels;
  const std::int64_t heads = upsampling ? options_.num_heads_upsample : options_.num_heads;
  unet::AttentionBlockOptions attention{channels_, dim_head == -1 ? heads : channels_ / dim_head};
  attention.use_new_attention_order = options_.use_new_attention_order;
  attention.num_groups = options_.num_groups;
  attention.use_checkpoint = options_.use_checkpoint;
  block->push_back(unet::AttentionBlock(attention));
}

void UNetModelImpl::build_input_blocks() {
  Container blocks = register_module("input_blocks", Container());
  const auto append = [&](unet::TimestepEmbedSequential block) {
    input_blocks_.push_back(blocks->add(std::to_string(input_blocks_.size()), block));
    skip_channels_.push_back(channels_);
  };
  unet::TimestepEmbedSequential first;
  first->push_back(Conv2d(conv3x3(options_.in_channels, options_.model_channels)));
  channels_ = options_.model_channels;
  append(first);
  for (std::size_t level = 0; level < options_.channel_mult.size(); ++level) {
    const std::int64_t out_channels = options_.channel_mult[level] * options_.model_channels;
    for (std::int64_t i = 0; i < options_.num_res_blocks; ++i) {
      unet::TimestepEmbedSequential block;
      add_res_block(block, out_channels, /*up=*/false, /*down=*/false);
      if (has_attention()) add_attention(block, /*upsampling=*/false);
      append(block);
    }
    if (level + 1 == options_.channel_mult.size()) break;
    unet::TimestepEmbedSequential down;
    if (options_.resblock_updown) {
      add_res_block(down, channels_, /*up=*/false, /*down=*/true);
    } else {
      down->push_back(unet::Downsample(channels_, options_.conv_resample, channels_));
    }
    append(down);
    downsample_ *= 2;
  }
}

void UNetModelImpl::build_middle_block() {
  middle_block_ = register_module("middle_block", unet::TimestepEmbedSequential());
  add_res_block(middle_block_, channels_, /*up=*/false, /*down=*/false);
  add_attention(middle_block_, /*upsampling=*/false);
  add_res_block(middle_block_, channels_, /*up=*/false, /*down=*/false);
}

void UNetModelImpl::build_output_blocks() {
  Container blocks = register_module("output_blocks", Container());
  for (std::size_t level = options_.channel_mult.size(); level-- > 0;) {
    const std::int64_t out_channels = options_.channel_mult[level] * options_.model_channels;
    for (std::int64_t i = 0; i <= options_.num_res_blocks; ++i) {
      channels_ += skip_channels_.back();
      skip_channels_.pop_back();
      unet::TimestepEmbedSequential block;
      add_res_block(block, out_channels, /*up=*/false, /*down=*/false);
      if (has_attention()) add_attention(block, /*upsampling=*/true);
      if (level > 0 && i == options_.num_res_blocks) {
        if (options_.resblock_updown) {
          add_res_block(block, channels_, /*up=*/true, /*down=*/false);
        } else {
          block->push_back(unet::Upsample(channels_, options_.conv_resample, channels_));
        }
        downsample_ /= 2;
      }
      output_blocks_.push_back(blocks->add(std::to_string(output_blocks_.size()), block));
    }
  }
}

void UNetModelImpl::build_output_layers() {
  Container out = register_module("out", Container());
  out_norm_ = out->add("0", GroupNorm(options_.num_groups, channels_, 1e-5));
  Conv2dOptions last = conv3x3(options_.model_channels, options_.out_channels);
  last.zero_init = true;
  out_conv_ = out->add("2", Conv2d(last));
  if (!options_.n_embed) return;
  Container id_predictor = register_module("id_predictor", Container());
  id_norm_ = id_predictor->add("0", GroupNorm(options_.num_groups, channels_, 1e-5));
  id_conv_ = id_predictor->add("1", Conv2d(Conv2dOptions{options_.model_channels, *options_.n_embed, 1}));
}

torch::Tensor UNetModelImpl::embed(const torch::Tensor& x, const torch::Tensor& timesteps,
                                   const std::optional<torch::Tensor>& y) {
  TORCH_CHECK(y.has_value() == options_.num_classes.has_value(), "UNetModel: expected class labels y ",
              options_.num_classes ? "(the model is class-conditional), got none"
                                   : "only for a class-conditional model, got them");
  const torch::Tensor t_emb = timestep_embedding(timesteps, options_.model_channels).to(x.scalar_type());
  torch::Tensor emb = time_embed_->report(time_embed_out_(at::silu(time_embed_in_(t_emb))));
  if (y) {
    TORCH_CHECK(y->dim() == 1 && y->size(0) == x.size(0), "UNetModel: expected y [", x.size(0), "], got ",
                y->sizes());
    emb = emb + label_emb_(*y);
  }
  return emb;
}

torch::Tensor UNetModelImpl::output_layers(const torch::Tensor& h) {
  if (options_.n_embed) return id_conv_(id_norm_(h));
  return out_conv_(out_norm_->forward_silu(h));
}

torch::Tensor UNetModelImpl::forward(const torch::Tensor& x, const torch::Tensor& timesteps,
                                     const std::optional<torch::Tensor>& context,
                                     const std::optional<torch::Tensor>& y) {
  TORCH_CHECK(x.dim() == 4 && x.size(1) == options_.in_channels, "UNetModel: expected x [B, ",
              options_.in_channels, ", H, W], got ", x.sizes());
  // Half weights take half inputs, whoever calls; elsewhere this changes nothing.
  const at::ScalarType dtype = time_embed_in_->weight.scalar_type();
  torch::Tensor h = x.to(dtype).contiguous(at::MemoryFormat::ChannelsLast);
  unet::BlockInputs inputs{embed(h, timesteps, y), std::nullopt, std::nullopt};
  if (context) inputs.context = context->to(dtype);
  std::vector<torch::Tensor> skips;
  for (auto& block : input_blocks_) {
    h = block(h, inputs);
    skips.push_back(h);
  }
  h = middle_block_(h, inputs);
  for (auto& block : output_blocks_) {
    h = at::cat({h, skips.back()}, 1);
    skips.pop_back();
    if (!skips.empty()) inputs.upsampled_to = unet::SpatialSize{skips.back().size(2), skips.back().size(3)};
    h = block(h, inputs);
  }
  return observed(output_layers(h));
}

}  // namespace ldm
