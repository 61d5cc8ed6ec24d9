#include "ldm/weights/diffusers_configs.h"

#include <algorithm>
#include <nlohmann/json.hpp>

#include "ldm/checkpoint/error.h"
#include "ldm/weights/name_text.h"
#include "ldm/weights/network_structure.h"

namespace ldm::weights {
namespace {

using Json = nlohmann::ordered_json;

// The first release whose folders look like this; later ones read them.
constexpr const char* kDiffusersVersion = "0.6.0";

std::string text_of(const Json& json) {
  return json.dump(2) + "\n";
}

std::int64_t size_of(const Shapes& shapes, const std::string& name, std::size_t dimension) {
  const auto found = shapes.find(name);
  if (found != shapes.end() && found->second.size() > dimension) return found->second[dimension];
  throw checkpoint::CheckpointError("expected a network of v1's structure, got one without a tensor '" +
                                    name + "' of " + std::to_string(dimension + 1) + " dimensions or more");
}

std::vector<std::string> names_of(const Shapes& shapes) {
  std::vector<std::string> names;
  for (const auto& [name, sizes] : shapes) names.push_back(name);
  return names;
}

/// Channels of each level on the way down.
std::vector<std::int64_t> level_widths(const Shapes& shapes, const NetworkStructure& network,
                                       const std::string& half) {
  std::vector<std::int64_t> widths;
  for (int level = 0; level < network.levels; ++level) {
    const std::string block = half + numbered("down_blocks.", level);
    widths.push_back(size_of(shapes, block + ".resnets.0.conv1.weight", 0));
  }
  return widths;
}

/// The first tensor whose name ends in `suffix`.
std::string first_named(const Shapes& shapes, const std::string& suffix) {
  const auto found = std::find_if(shapes.begin(), shapes.end(),
                                  [&](const auto& shape) { return ends_with(shape.first, suffix); });
  return found == shapes.end() ? suffix : found->first;
}

std::vector<std::string> block_types(const NetworkStructure& unet, const char* direction) {
  std::vector<std::string> types;
  for (int level = 0; level < unet.levels; ++level) {
    const char* attention = unet.attention.count(level) != 0 ? "CrossAttn" : "";
    types.push_back(attention + std::string(direction) + "Block2D");
  }
  return types;
}

}  // namespace

std::string unet_config(const Shapes& shapes, std::int64_t heads) {
  const NetworkStructure unet = structure_of_diffusers(Component::unet, names_of(shapes));
  std::vector<std::string> up_types = block_types(unet, "Up");
  std::reverse(up_types.begin(), up_types.end());
  const std::string projection = first_named(shapes, ".attentions.0.proj_in.weight");
  const auto found = shapes.find(projection);
  const bool linear = found != shapes.end() && found->second.size() == 2;
  return text_of({{"_class_name", "UNet2DConditionModel"},
                  {"_diffusers_version", kDiffusersVersion},
                  {"act_fn", "silu"},
                  {"attention_head_dim", heads},  // diffusers' name for the number of heads
                  {"block_out_channels", level_widths(shapes, unet, "")},
                  {"center_input_sample", false},
                  {"cross_attention_dim", size_of(shapes, first_named(shapes, ".attn2.to_k.weight"), 1)},
                  {"down_block_types", block_types(unet, "Down")},
                  {"downsample_padding", 1},
                  {"flip_sin_to_cos", true},
                  {"freq_shift", 0},
                  {"in_channels", size_of(shapes, "conv_in.weight", 1)},
                  {"layers_per_block", unet.blocks},
                  {"mid_block_scale_factor", 1},
                  {"norm_eps", 1e-05},
                  {"norm_num_groups", 32},
                  {"out_channels", size_of(shapes, "conv_out.weight", 0)},
                  {"sample_size", 64},
                  {"up_block_types", up_types},
                  {"use_linear_projection", linear}});
}

std::string vae_config(const Shapes& shapes) {
  const NetworkStructure vae = structure_of_diffusers(Component::vae, names_of(shapes));
  const auto levels = static_cast<std::size_t>(vae.levels);
  return text_of({{"_class_name", "AutoencoderKL"},
                  {"_diffusers_version", kDiffusersVersion},
                  {"act_fn", "silu"},
                  {"block_out_channels", level_widths(shapes, vae, "encoder.")},
                  {"down_block_types", std::vector<std::string>(levels, "DownEncoderBlock2D")},
                  {"in_channels", size_of(shapes, "encoder.conv_in.weight", 1)},
                  {"latent_channels", size_of(shapes, "decoder.conv_in.weight", 1)},
                  {"layers_per_block", vae.blocks},
                  {"norm_num_groups", 32},
                  {"out_channels", size_of(shapes, "decoder.conv_out.weight", 0)},
                  {"sample_size", 512},
                  {"scaling_factor", 0.18215},
                  {"up_block_types", std::vector<std::string>(levels, "UpDecoderBlock2D")}});
}

std::string text_encoder_config(const Shapes& shapes, std::int64_t heads) {
  const std::string tokens = "text_model.embeddings.token_embedding.weight";
  const std::int64_t width = size_of(shapes, tokens, 1);
  const int layers = count_after(names_of(shapes), "text_model.encoder.layers.");
  return text_of(
      {{"architectures", Json::array({"CLIPTextModel"})},
       {"attention_dropout", 0.0},
       {"bos_token_id", 0},
       {"dropout", 0.0},
       {"eos_token_id", 2},
       {"hidden_act", "quick_gelu"},
       {"hidden_size", width},
       {"initializer_factor", 1.0},
       {"initializer_range", 0.02},
       {"intermediate_size", size_of(shapes, "text_model.encoder.layers.0.mlp.fc1.weight", 0)},
       {"layer_norm_eps", 1e-05},
       {"max_position_embeddings", size_of(shapes, "text_model.embeddings.position_embedding.weight", 0)},
       {"model_type", "clip_text_model"},
       {"num_attention_heads", heads > 0 ? heads : std::max<std::int64_t>(1, width / 64)},
       {"num_hidden_layers", layers},
       {"pad_token_id", 1},
       {"projection_dim", width},
       {"vocab_size", size_of(shapes, tokens, 0)}});
}

std::string scheduler_config() {
  return text_of({{"_class_name", "PNDMScheduler"},
                  {"_diffusers_version", kDiffusersVersion},
                  {"beta_end", 0.012},
                  {"beta_schedule", "scaled_linear"},
                  {"beta_start", 0.00085},
                  {"num_train_timesteps", 1000},
                  {"prediction_type", "epsilon"},
                  {"set_alpha_to_one", false},
                  {"skip_prk_steps", true},
                  {"steps_offset", 1},
                  {"trained_betas", nullptr}});
}

std::string model_index(std::int64_t unet_channels) {
  std::string pipeline = "StableDiffusionPipeline";
  if (unet_channels == 9) pipeline = "StableDiffusionInpaintPipeline";
  if (unet_channels == 8) pipeline = "StableDiffusionInstructPix2PixPipeline";
  const auto part = [](const char* library, const char* name) { return Json::array({library, name}); };
  const Json none = Json::array({nullptr, nullptr});
  return text_of({{"_class_name", pipeline},
                  {"_diffusers_version", kDiffusersVersion},
                  {"feature_extractor", none},
                  {"requires_safety_checker", false},
                  {"safety_checker", none},
                  {"scheduler", part("diffusers", "PNDMScheduler")},
                  {"text_encoder", part("transformers", "CLIPTextModel")},
                  {"tokenizer", part("transformers", "CLIPTokenizer")},
                  {"unet", part("diffusers", "UNet2DConditionModel")},
                  {"vae", part("diffusers", "AutoencoderKL")}});
}

}  // namespace ldm::weights
