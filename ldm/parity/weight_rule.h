#pragma once

#include <ATen/core/Tensor.h>
#include <torch/nn/module.h>

#include <cstdint>
#include <string>
#include <vector>

namespace ldm::parity {

/// The generator's seed for a parameter: FNV-1a of its key, plus the salt.
std::uint64_t rule_seed(const std::string& key, std::int64_t salt);

/// The made-up weight of a parameter: a function of its checkpoint key, its shape and a salt alone, so that
/// the reference and this library can fill the same model without exchanging a file. float32, on the CPU.
/// tests/goldens/README.md has the rule.
at::Tensor rule_tensor(const std::string& key, at::IntArrayRef sizes, std::int64_t salt);

/// Fills every parameter of `module` by the rule; buffers keep what they hold. With `use_ema` the diffusion
/// network gets the values of its averages' keys (model_ema.*).
void apply_weight_rule(torch::nn::Module& module, std::int64_t salt, bool use_ema);

}  // namespace ldm::parity
