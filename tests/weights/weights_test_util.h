#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include "ldm/checkpoint/state_dict.h"
#include "ldm/checkpoint/writer.h"
#include "ldm/weights/diffusers_names.h"

namespace ldm::weights::testing {

/// Names and shapes.
using KeyList = std::vector<std::pair<std::string, std::vector<std::int64_t>>>;

/// All keys of the reference's v1 model with their shapes.
KeyList full_keys();
/// The names of a component among them, without its prefix.
std::vector<std::string> full_names(Component component);

/// A StateDict of float tensors with these names and shapes and without data: for what looks at names only.
checkpoint::StateDict state_of_keys(const KeyList& keys);

using Tensors = std::vector<std::pair<std::string, at::Tensor>>;

/// All tensors of a StateDict, copied.
Tensors tensors_of(const checkpoint::StateDict& state);
std::vector<checkpoint::NamedTensorSource> sources_of(const Tensors& tensors);
/// Writes a .safetensors file and gives its path.
std::string write_tensors(const std::string& path, const Tensors& tensors);

/// The small model of the goldens, float16, under the reference's keys, without averages.
Tensors nano_model();
/// Averages for all UNet weights of a model, which differ from the weights, with LitEma's two counters.
Tensors averages_of(const Tensors& model);

/// Both hold the same names with the same bytes and types; the order may differ.
void expect_same(const Tensors& expected, const checkpoint::StateDict& state);

}  // namespace ldm::weights::testing
