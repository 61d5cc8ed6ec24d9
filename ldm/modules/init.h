#pragma once

#include <ATen/core/Generator.h>
#include <torch/nn/module.h>

namespace ldm {

/// Gives every leaf layer of the tree its first weights, in the order of the state dict: PyTorch's defaults
/// (`LeafLayer::init`), but for CLIP's text model those of transformers' CLIPTextModel, since PyTorch's
/// embeddings are fifty times too large for it. Parameters outside leaf layers (logvar) keep their values.
/// float32, on the CPU, without gradients.
void init_weights(torch::nn::Module& module, at::Generator generator);

}  // namespace ldm
