#include "ldm/modules/packing.h"

#include <ATen/ATen.h>

#include "ldm/modules/layers.h"

namespace ldm {

void pack_layers(torch::nn::Module& root, const std::function<void(const std::string& name)>& packed) {
  const at::NoGradGuard no_grad;
  for (auto& item : root.named_modules()) {
    auto* layer = dynamic_cast<LeafLayer*>(item.value().get());
    if (layer != nullptr && layer->pack()) packed(item.key() + ".weight");
  }
}

}  // namespace ldm
