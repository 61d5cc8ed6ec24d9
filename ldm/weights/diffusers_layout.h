#pragma once

#include <string>

#include "ldm/weights/diffusers_names.h"

namespace ldm::weights {

/// What `StateDict::format` says of a diffusers folder.
inline constexpr const char* kDiffusersFormat = "diffusers folder";
/// The variant of the UNet's file that holds the trained weights, where the main file holds their averages.
inline constexpr const char* kTrainedVariant = "non_ema";
/// The folder beside `unet/` in which diffusers' training scripts keep the averages.
inline constexpr const char* kAveragesFolder = "unet_ema";
/// Our own file for tensors that the layout has no place for.
inline constexpr const char* kExtraTensors = "extra_tensors.safetensors";

/// The names that a component's weights can have in its folder.
struct WeightFiles {
  std::string safetensors, safetensors_index, bin, bin_index;
};

/// `variant` is empty for the plain files; "fp16" gives "diffusion_pytorch_model.fp16.safetensors", or
/// "model.fp16.safetensors" for the text encoder, which follows transformers' names.
WeightFiles weight_files_of(Component component, const std::string& variant);

}  // namespace ldm::weights
