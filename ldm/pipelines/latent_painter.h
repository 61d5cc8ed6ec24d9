#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <memory>
#include <string>

#include "ldm/models/diffusion/sampler.h"
#include "ldm/pipelines/finite_stages.h"
#include "ldm/pipelines/generation_options.h"

namespace ldm {

/// How the latents of a batch come about: where txt2img and img2img differ.
class LatentPainter {
 public:
  virtual ~LatentPainter() = default;

  /// What the `rows` pictures of a batch start from, [rows, C, h, w]; undefined where the sampler draws its
  /// own start. What is drawn here comes before all else of a batch.
  virtual at::Tensor start(const StageModel& with, std::int64_t rows, NoiseSource& noise) const = 0;

  /// Samples a batch from its start. `request` comes complete but for the start. A run that its callback
  /// ended gives the latents as they were then.
  virtual at::Tensor paint(const StageModel& with, const at::Tensor& start, SamplingRequest request,
                           NoiseSource& noise) const = 0;
};

/// The reference's scripts/txt2img.py: from noise, which with `fixed_code` is the same for every batch.
std::unique_ptr<LatentPainter> txt2img_painter(const GenerationOptions& options, std::string sampler);

/// The reference's scripts/img2img.py: the picture's latent, noised to where `strength` says and sampled from
/// there on. `image` [1, 3, H, W] float32 in [-1, 1] on any device. The picture is encoded outside autocast,
/// as there.
std::unique_ptr<LatentPainter> img2img_painter(const GenerationOptions& options, at::Tensor image);

}  // namespace ldm
