#pragma once

#include <string>

#include "ldm/checkpoint/state_dict.h"

namespace ldm::weights {

/// What model a set of weights belongs to.
struct ModelFamily {
  /// In words that follow "this is": "Stable Diffusion v1", "a LoRA (kohya's names)", "a bare VAE". Never
  /// empty.
  std::string name;
  /// Whether it is a whole v1 model (text encoder, UNet, VAE) that loads for text to image: with `config`,
  /// or, where that is empty, with a config that has the model's own sizes.
  bool fits_v1 = false;
  /// The config of this project that belongs to it ("configs/stable-diffusion/v1-inference.yaml"), or empty.
  std::string config;
  /// What the user can do with it, a sentence or two; empty if there is nothing to say.
  std::string advice;
};

/// Tells what the weights are by names and shapes alone: no tensor is read. `state` is what `open_weights`
/// gives, or a file as it is.
ModelFamily recognise(const checkpoint::StateDict& state);

}  // namespace ldm::weights
