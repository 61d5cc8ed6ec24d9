#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "ldm/models/diffusion/latent_diffusion.h"
#include "ldm/ops/precision.h"

namespace ldm::demo {

/// How the evaluated pictures are made.
struct PaintOptions {
  std::string sampler = "ddim";
  std::int64_t steps = 25;
  double scale = 5;
  std::uint64_t seed = 42;  ///< picture k of a list is drawn from seed + k
  std::int64_t batch_size = 32;
  Precision precision = Precision::full;
};

/// Both throw NumericError for pictures with NaN or infinity.
///
/// Pictures of `prompts`, one each: [N, H, W, 3] uint8. Picture k is the same whatever else is in the list,
/// up to the rounding of a batch's arithmetic.
at::Tensor paint(const std::shared_ptr<LatentDiffusionImpl>& model, const std::vector<std::string>& prompts,
                 const PaintOptions& options);

/// img2img (DDIM): `pictures` [N, H, W, 3] uint8 noised to `strength` in [0, 1] and painted anew under
/// `prompts`.
at::Tensor repaint(const std::shared_ptr<LatentDiffusionImpl>& model, const at::Tensor& pictures,
                   const std::vector<std::string>& prompts, double strength, const PaintOptions& options);

}  // namespace ldm::demo
