#pragma once

#include <string>
#include <vector>

#include "ldm/checkpoint/writer.h"
#include "ldm/weights/diffusers_configs.h"

namespace ldm::weights {

/// The tensors of a model, sorted into the files of a diffusers folder and named and shaped as there.
struct DiffusersParts {
  using Sources = std::vector<checkpoint::NamedTensorSource>;

  Sources text_encoder, vae;
  Sources unet;                       ///< the weights to use: the averages, where there are any
  Sources trained_unet;               ///< the trained weights, where `unet` holds averages
  Sources extra;                      ///< under the reference's keys: the noise schedule, LitEma's counters
  std::vector<std::string> left_out;  ///< keys that the layout has no place for
};

/// Sorts tensors under the reference's keys. Throws checkpoint::CheckpointError naming `path` if the text
/// encoder, the UNet or the VAE is missing, or the UNet is not of v1's structure.
DiffusersParts sort_into_parts(const std::string& path, const DiffusersParts::Sources& sources);

/// The shapes of a component's tensors.
Shapes shapes_of(const DiffusersParts::Sources& sources);

}  // namespace ldm::weights
