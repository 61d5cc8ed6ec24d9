#include "ldm/modules/packing.h"

#include <ATen/ATen.h>

#include "ldm/modules/layers.h"

namespace ldm {

void pack_layers(torch::nn::Module& root, const LayerCallback& before, const LayerCallback& packed) {
  const at::NoGradGuard no_grad;
  for (auto& item : root.named_modules()) {
    auto* layer = dynamic_cast<LeafLayer*>(item.value().get());
    if (layer == nullptr) continue;
    const std::string weight = item.key() + ".weight";
    before(weight);
    if (layer->pack()) packed(weight);
  }
}

}  // namespace ldm
