#pragma once

#include <functional>
#include <string>

#include "ldm/modules/module.h"

namespace ldm {

/// Packs the weights of all layers under `root` that gain by it (LeafLayer::pack), one after the other.
/// For whoever holds the parameters' memory, `before` is called with the full name of each weight that may be
/// read next, `packed` with that of each parameter that has been let go of.
using LayerCallback = std::function<void(const std::string& weight)>;
void pack_layers(torch::nn::Module& root, const LayerCallback& before, const LayerCallback& packed);

}  // namespace ldm
