#include "ldm/weights/diffusers_layout.h"

namespace ldm::weights {

WeightFiles weight_files_of(Component component, const std::string& variant) {
  const bool text = component == Component::text_encoder;
  const std::string safetensors = text ? "model" : "diffusion_pytorch_model";
  const std::string bin = text ? "pytorch_model" : "diffusion_pytorch_model";
  const std::string part = variant.empty() ? "" : "." + variant;
  return {safetensors + part + ".safetensors", safetensors + ".safetensors.index" + part + ".json",
          bin + part + ".bin", bin + ".bin.index" + part + ".json"};
}

}  // namespace ldm::weights
