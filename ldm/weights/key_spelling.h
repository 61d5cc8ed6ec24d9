#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "ldm/checkpoint/state_dict.h"
#include "ldm/weights/diffusers_names.h"

namespace ldm::weights {

/// A key in the reference's spelling for each name of one network in diffusers' spelling, in the same order;
/// empty if a UNet or VAE has names that v1's structure does not. What transformers' text model has besides
/// (a projection, a vision model) goes under `cond_stage_model.transformer.`.
std::vector<std::string> keys_of_component(Component component, const std::vector<std::string>& names);

/// One tensor of `state` under its key, in the shape that it has in the reference. `name` is the tensor's
/// name in `state`. Only keys of the VAE ever have another shape.
checkpoint::TensorAlias alias_of(const checkpoint::StateDict& state, const std::string& name,
                                 const std::string& key);

/// The same weights under the keys of the reference, as the folder's README lists; `state` itself if it has
/// them already or has names of none of the known spellings. Throws checkpoint::CheckpointError if two of its
/// names are spellings of one key.
checkpoint::StateDict in_reference_spelling(const checkpoint::StateDict& state);

}  // namespace ldm::weights
