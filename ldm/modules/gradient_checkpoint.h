#pragma once

#include <ATen/core/Tensor.h>
#include <torch/nn/module.h>

#include <functional>
#include <vector>

namespace ldm {

/// ldm.modules.diffusionmodules.util.checkpoint: `function(inputs)` without keeping what the backward pass
/// needs from inside; that is computed again when it is needed. Saves memory, costs a second forward pass,
/// changes no value.
///
/// `function` uses the parameters of `module`, which outlives the backward pass, and nothing else that
/// requires gradients. It runs again under the autocast of the first time and, where it `draws` random
/// numbers (dropout), from the same states of the default generators. Where no gradient is wanted it is
/// simply called.
at::Tensor gradient_checkpoint(std::function<at::Tensor(const std::vector<at::Tensor>& inputs)> function,
                               const std::vector<at::Tensor>& inputs, const torch::nn::Module& module,
                               bool draws = false);

}  // namespace ldm
