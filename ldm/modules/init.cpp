#include "ldm/modules/init.h"

#include <ATen/ATen.h>

#include "ldm/modules/encoders/clip_text_model.h"
#include "ldm/modules/layers.h"

namespace ldm {

void init_weights(torch::nn::Module& module, at::Generator generator) {
  if (auto* layer = dynamic_cast<LeafLayer*>(&module)) layer->init(generator);
  for (const auto& child : module.named_children()) init_weights(*child.value(), generator);
  if (auto* text_model = dynamic_cast<ClipTextModelImpl*>(&module)) text_model->reset_parameters(generator);
}

}  // namespace ldm
