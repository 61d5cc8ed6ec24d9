#include "ldm/modules/packing.h"

#include <ATen/ATen.h>

#include <cstdint>
#include <utility>
#include <vector>

#include "ldm/modules/layers.h"
#include "ldm/ops/cpu/parallel.h"

namespace ldm {

void pack_layers(torch::nn::Module& root, const LayerCallback& before, const LayerCallback& packed) {
  std::vector<std::pair<std::string, LeafLayer*>> layers;
  for (auto& item : root.named_modules()) {
    auto* layer = dynamic_cast<LeafLayer*>(item.value().get());
    if (layer != nullptr) layers.emplace_back(item.key() + ".weight", layer);
  }
  // Much of the time goes into the kernel's giving and taking of pages, so whole layers are shared out.
  ops::cpu::parallel_tasks(static_cast<std::int64_t>(layers.size()), [&](std::int64_t i) {
    const at::NoGradGuard no_grad;
    const auto& [weight, layer] = layers[static_cast<std::size_t>(i)];
    before(weight);
    if (layer->pack()) packed(weight);
  });
}

}  // namespace ldm
