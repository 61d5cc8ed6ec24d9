#pragma once

#include <ATen/core/Tensor.h>

#include <string>

#include "ldm/checkpoint/scalar.h"
#include "ldm/checkpoint/state_dict.h"
#include "tests/weights/weights_test_util.h"

namespace ldm::testing {

using NamedTensors = weights::testing::Tensors;

/// Tensors of a few numbers under keys of every part of a v1 checkpoint: two weights of the UNet with
/// averages that are 0.5 larger, LitEma's counters (decay 0.9999, 7 updates), a VAE of two weights, a text
/// encoder with int64 position ids, and `betas`.
NamedTensors small_weights();
/// The same without averages, or without them and their counters.
NamedTensors small_ema_only();
NamedTensors small_plain();

/// The list with one tensor put in the place of another; added if there is none of this name.
NamedTensors with(NamedTensors tensors, const std::string& name, const at::Tensor& tensor);
NamedTensors without(NamedTensors tensors, const std::string& name);

/// Writes the tensors to a new .ckpt and gives its path.
std::string write_weights(const NamedTensors& tensors, const checkpoint::NamedScalars& scalars = {});
/// The same, opened.
checkpoint::StateDict open_small(const NamedTensors& tensors, const checkpoint::NamedScalars& scalars = {});

/// Whether two tensors have the same type, shape and bits.
bool same_bits(const at::Tensor& a, const at::Tensor& b);

}  // namespace ldm::testing
