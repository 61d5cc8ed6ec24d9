#pragma once

#include <ATen/core/Tensor.h>
#include <torch/nn/module.h>

#include <functional>
#include <vector>

namespace ldm {

/// ldm.modules.diffusionmodules.util.checkpoint: `function(inputs)` without keeping what the backward pass
/// needs from inside; that is computed again when it is needed. Saves memory and costs a second forward pass.
/// Values and gradients are those of `function(inputs)` itself, on the CPU in float32 bit for bit: both
/// passes run with gradients on, and the graph of the first dies at once.
///
/// `function` uses the parameters of `module`, which outlives the backward pass, and nothing else that
/// requires gradients. It runs again under the autocast of the first time and, where it `draws` random
/// numbers (dropout), from the same state of the device's default generator, which then goes on where it was.
/// Autocast's weight cache is off inside. Where no gradient is wanted it is simply called. What it throws
/// passes through.
at::Tensor gradient_checkpoint(std::function<at::Tensor(const std::vector<at::Tensor>& inputs)> function,
                               const std::vector<at::Tensor>& inputs, const torch::nn::Module& module,
                               bool draws = false);

}  // namespace ldm
