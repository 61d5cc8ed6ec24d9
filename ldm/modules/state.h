#pragma once

#include <ATen/core/Tensor.h>

#include <functional>
#include <string>
#include <vector>

#include "ldm/modules/module.h"

namespace ldm {

/// One parameter or buffer of a module tree.
struct StateEntry {
  std::string name;  ///< full name, as the key of a checkpoint
  torch::Tensor tensor;
  bool is_parameter;
  /// Puts another tensor of the same shape in its place, sharing storage; throws std::invalid_argument for
  /// another shape.
  std::function<void(const torch::Tensor&)> bind;
};

/// Everything that a checkpoint of `module` holds, in the order of PyTorch's state_dict: of each module its
/// parameters, its buffers, then its children.
std::vector<StateEntry> state_of(torch::nn::Module& module);

/// The parameters alone, in the same order.
std::vector<StateEntry> parameters_of(torch::nn::Module& module);

/// Gives every parameter the floating point type `dtype`; buffers keep theirs. Each is replaced in its turn,
/// so that no second copy of the whole stands beside the first.
void convert_parameters(torch::nn::Module& module, c10::ScalarType dtype);

}  // namespace ldm
