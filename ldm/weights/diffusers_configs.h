#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <vector>

namespace ldm::weights {

/// Shapes of a network's tensors by diffusers' names.
using Shapes = std::map<std::string, std::vector<std::int64_t>>;

// The JSON files of a diffusers folder. Sizes come from shapes; what shapes do not tell is v1's own. Each
// throws checkpoint::CheckpointError naming a tensor that the network of v1's structure has and `shapes` does
// not.

/// `unet/config.json`, of a UNet2DConditionModel with `heads` attention heads at each level.
std::string unet_config(const Shapes& shapes, std::int64_t heads);
/// `vae/config.json`, of an AutoencoderKL.
std::string vae_config(const Shapes& shapes);
/// `text_encoder/config.json`, of a CLIPTextModel; 0 heads: one for each 64 channels.
std::string text_encoder_config(const Shapes& shapes, std::int64_t heads);
/// `scheduler/scheduler_config.json`: PNDM over v1's 1000 steps, the reference's --plms.
std::string scheduler_config();
/// `model_index.json`; the pipeline's class goes by the channels that the UNet takes: 4, or 9 for inpainting,
/// or 8 for instructions.
std::string model_index(std::int64_t unet_channels);

}  // namespace ldm::weights
