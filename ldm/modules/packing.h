#pragma once

#include <functional>
#include <string>

#include "ldm/modules/module.h"

namespace ldm {

/// Called with the full name of a layer's weight.
using LayerCallback = std::function<void(const std::string& weight)>;

/// Packs the weights of all layers under `root` that gain by it (LeafLayer::pack), several at a time.
/// For whoever holds the parameters' memory, `before` is called for each weight that may be read next,
/// `packed` for each parameter that has been let go of; both from any of torch's threads.
void pack_layers(torch::nn::Module& root, const LayerCallback& before, const LayerCallback& packed);

}  // namespace ldm
