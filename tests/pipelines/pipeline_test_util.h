#pragma once

#include <ATen/core/Tensor.h>

#include <memory>
#include <string>
#include <vector>

#include "ldm/models/diffusion/latent_diffusion.h"
#include "ldm/parity/case_file.h"
#include "ldm/pipelines/finite_stages.h"
#include "ldm/pipelines/generation.h"
#include "tests/support/pictures.h"

namespace ldm::testing {

/// The small model of tests/goldens/tiny-inference.yaml with the goldens' weights; made once, do not change
/// it.
std::shared_ptr<LatentDiffusionImpl> tiny_model();

/// What plans are made for: the small model on the CPU, with as much memory as there may be.
PlanTarget tiny_target();

/// The small model in float32 on the CPU.
FiniteStages tiny_stages();

/// Keeps pictures in memory.
class MemorySink : public PictureSink {
 public:
  void picture(const at::Tensor& image_u8, const PictureInfo& info) override {
    images.push_back(image_u8);
    infos.push_back(info);
  }
  void grid(const at::Tensor& image_u8) override { grids.push_back(image_u8); }
  void preview(const at::Tensor& image_u8) override { previews.push_back(image_u8); }

  std::vector<at::Tensor> images, grids, previews;
  std::vector<PictureInfo> infos;
};

/// Options for a small and quick run: one picture of 64x64 in a few steps.
GenerationOptions small_options();

/// One run on the small model. `image` as generate takes it.
MemorySink run_tiny(const GenerationOptions& options, const at::Tensor& image = {});

/// The options that a golden's metadata describes.
GenerationOptions options_of(const parity::CaseFile& file);

}  // namespace ldm::testing
