#pragma once

#include <cstdint>
#include <vector>

#include "ldm/config/config.h"
#include "ldm/cuda/device.h"
#include "ldm/data/resize.h"
#include "ldm/modules/module.h"
#include "ldm/ops/precision.h"

namespace ldm {

/// The sizes of a model that decide how much memory it takes.
struct ModelDimensions {
  std::int64_t parameters = 0;
  std::int64_t latent_channels = 4;
  std::int64_t image_factor = 8;  ///< pixels for each row and column of a latent
  /// Channels of the widest map at each level, from the full size down, each level half as wide and high as
  /// the one before it: of the UNet on latents, of the first stage on pictures.
  std::vector<std::int64_t> unet_levels, first_stage_levels;
  std::int64_t unet_blocks = 2;  ///< residual blocks of a level
};

/// Read from a config and the model built from it, with or without weights. A network that does not describe
/// itself by `channel_mult` or `ch_mult` counts as one level of its latent's channels.
ModelDimensions dimensions_of(const config::Config& config, const torch::nn::Module& model);

/// Bytes of memory that a run takes at its peak; an estimate, meant to be above the truth by less than a
/// half.
struct MemoryEstimate {
  std::int64_t weights = 0;      ///< held all the time, with LibTorch's own share
  std::int64_t sampling = 0;     ///< activations of one call of the denoising network
  std::int64_t first_stage = 0;  ///< activations of decoding (or encoding) one picture

  std::int64_t total() const { return weights + (sampling > first_stage ? sampling : first_stage); }
};

/// `rows` latents of a picture of `image` pixels in one call of the denoising network (with guidance twice
/// the pictures), pictures decoded one at a time. Grows with each argument.
MemoryEstimate estimate_memory(const ModelDimensions& model, data::Size image, std::int64_t rows,
                               Precision precision, c10::Device device);

/// Bytes that can still be used: on CUDA those free on the device, on the CPU those the kernel calls
/// available, or less where a control group sets less. 0 when it cannot be told.
std::int64_t available_memory(const Device& device);

}  // namespace ldm
