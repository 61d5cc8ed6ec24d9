#pragma once

#include <string>
#include <vector>

namespace ldm::weights {

/// A module inside a block, in the reference's and in diffusers' spelling.
struct ModuleNames {
  const char* reference;
  const char* diffusers;
};

/// The parts of a UNet's residual block (ldm.modules.diffusionmodules.openaimodel.ResBlock, diffusers'
/// ResnetBlock2D).
inline constexpr ModuleNames kUnetResBlock[] = {
    {"in_layers.0", "norm1"},  {"in_layers.2", "conv1"},  {"emb_layers.1", "time_emb_proj"},
    {"out_layers.0", "norm2"}, {"out_layers.3", "conv2"}, {"skip_connection", "conv_shortcut"}};

/// The parts of a UNet that stand alone.
inline constexpr ModuleNames kUnetEnds[] = {{"time_embed.0", "time_embedding.linear_1"},
                                            {"time_embed.2", "time_embedding.linear_2"},
                                            {"input_blocks.0.0", "conv_in"},
                                            {"out.0", "conv_norm_out"},
                                            {"out.2", "conv_out"}};

/// Every name that a tensor of a UNet of v1's structure can have in the reference, without
/// `model.diffusion_model.`, for up to 40 input blocks and as many output blocks.
std::vector<std::string> possible_unet_names();

}  // namespace ldm::weights
