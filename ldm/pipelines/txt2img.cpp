#include <ATen/ATen.h>

#include <utility>

#include "ldm/pipelines/latent_painter.h"

namespace ldm {
namespace {

class Txt2Img : public LatentPainter {
 public:
  Txt2Img(const GenerationOptions& options, std::string sampler)
      : fixed_code_(options.fixed_code),
        shape_{options.C, options.H / options.f, options.W / options.f},
        sampler_(std::move(sampler)) {}

  at::Tensor start(const StageModel& with, std::int64_t rows, NoiseSource& noise) const override {
    if (!fixed_code_) return {};
    return noise.normal(NoiseUse::start, {rows, shape_[0], shape_[1], shape_[2]}, with.model->device());
  }

  at::Tensor paint(const StageModel& with, const at::Tensor& start, SamplingRequest request,
                   NoiseSource& noise) const override {
    request.shape = shape_;
    request.x_T = start;
    return make_sampler(sampler_, with.model)->sample(request, noise).samples;
  }

 private:
  bool fixed_code_;
  std::vector<std::int64_t> shape_;
  std::string sampler_;
};

}  // namespace

std::unique_ptr<LatentPainter> txt2img_painter(const GenerationOptions& options, std::string sampler) {
  return std::make_unique<Txt2Img>(options, std::move(sampler));
}

}  // namespace ldm
