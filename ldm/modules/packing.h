#pragma once

#include <functional>
#include <string>

#include "ldm/modules/module.h"

namespace ldm {

/// Packs the weights of all layers under `root` that gain by it (LeafLayer::pack), one after the other.
/// `packed` is called with the full name of each parameter that has been let go of, for whoever holds its
/// memory.
void pack_layers(torch::nn::Module& root, const std::function<void(const std::string& name)>& packed);

}  // namespace ldm
