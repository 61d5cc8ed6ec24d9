#include <ATen/ATen.h>

#include <utility>

#include "ldm/host_memory.h"
#include "ldm/models/diffusion/ddim.h"
#include "ldm/pipelines/latent_painter.h"

namespace ldm {
namespace {

class Img2Img : public LatentPainter {
 public:
  Img2Img(const GenerationOptions& options, at::Tensor image)
      : t_enc_(encode_steps(options.strength, options.ddim_steps)), image_(std::move(image)) {}

  at::Tensor start(const StageModel& with, std::int64_t rows, NoiseSource& noise) const override {
    const ReturnFreedMemory large_maps;
    LatentDiffusionImpl& model = *with.model;
    // The same picture in every row: encoded once, noised row by row.
    const FirstStageEncoding encoding = repeated(model.encode_first_stage(image_.to(model.device())), rows);
    return model.get_first_stage_encoding(encoding, noise);
  }

  at::Tensor paint(const StageModel& with, const at::Tensor& start, SamplingRequest request,
                   NoiseSource& noise) const override {
    DDIMSampler sampler(with.model);
    const at::Tensor noised = sampler.stochastic_encode(start, t_enc_, request, noise);
    return sampler.decode(noised, t_enc_, request, noise).samples;
  }

 private:
  static FirstStageEncoding repeated(const FirstStageEncoding& encoding, std::int64_t rows) {
    if (const auto* latent = std::get_if<torch::Tensor>(&encoding)) return latent->repeat({rows, 1, 1, 1});
    const auto& posterior = std::get<DiagonalGaussianDistribution>(encoding);
    return DiagonalGaussianDistribution(
        at::cat({posterior.mean(), posterior.logvar()}, 1).repeat({rows, 1, 1, 1}));
  }

  std::int64_t t_enc_;
  at::Tensor image_;
};

}  // namespace

std::unique_ptr<LatentPainter> img2img_painter(const GenerationOptions& options, at::Tensor image) {
  return std::make_unique<Img2Img>(options, std::move(image));
}

}  // namespace ldm
