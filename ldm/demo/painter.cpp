#include "ldm/demo/painter.h"

#include <ATen/ATen.h>
#include <c10/core/InferenceMode.h>

#include <algorithm>
#include <functional>

#include "ldm/data/image_tensor.h"
#include "ldm/data/resize.h"
#include "ldm/models/diffusion/ddim.h"
#include "ldm/models/diffusion/sampler.h"
#include "ldm/pipelines/finite_stages.h"

namespace ldm::demo {
namespace {

using Prompts = std::vector<std::string>;

SamplingRequest make_request(LatentDiffusionImpl& model, const Prompts& prompts,
                             const PaintOptions& options) {
  const DDPMOptions& config = model.options();
  SamplingRequest request;
  request.steps = options.steps;
  request.batch_size = static_cast<std::int64_t>(prompts.size());
  request.shape = {config.channels, config.image_size, config.image_size};
  request.unconditional_guidance_scale = options.scale;
  request.precision = options.precision;
  request.conditioning = model.as_conditioning(model.get_learned_conditioning(prompts));
  if (options.scale != 1) {
    const at::Tensor nothing = model.get_learned_conditioning(Prompts{""});
    request.unconditional_conditioning = model.as_conditioning(nothing.expand({request.batch_size, -1, -1}));
  }
  return request;
}

/// Latents of a batch: prompts begin .. end of the list, and their noise.
using Latents =
    std::function<at::Tensor(std::int64_t begin, const SamplingRequest& request, NoiseSource& noise)>;

at::Tensor in_batches(LatentDiffusionImpl& model, const Prompts& prompts, const PaintOptions& options,
                      const Latents& latents) {
  const c10::InferenceMode inference;
  const auto count = static_cast<std::int64_t>(prompts.size());
  std::vector<at::Tensor> pictures;
  for (std::int64_t begin = 0; begin < count; begin += options.batch_size) {
    const std::int64_t end = std::min(begin + options.batch_size, count);
    const SamplingRequest request =
        make_request(model, Prompts(prompts.begin() + begin, prompts.begin() + end), options);
    PerImageNoise noise(options.seed + static_cast<std::uint64_t>(begin), end - begin, model.device());
    const at::Tensor images = model.decode_first_stage(latents(begin, request, noise));
    if (!images.isfinite().all().item<bool>()) {
      throw NumericError("expected finite pictures, got NaN or infinity; --precision full may help");
    }
    pictures.push_back(data::to_image_u8(images));
  }
  return at::cat(pictures);
}

}  // namespace

at::Tensor paint(const std::shared_ptr<LatentDiffusionImpl>& model, const Prompts& prompts,
                 const PaintOptions& options) {
  const auto sampler = make_sampler(options.sampler, model);
  return in_batches(*model, prompts, options,
                    [&](std::int64_t, const SamplingRequest& request, NoiseSource& noise) {
                      return sampler->sample(request, noise).samples;
                    });
}

at::Tensor repaint(const std::shared_ptr<LatentDiffusionImpl>& model, const at::Tensor& pictures,
                   const Prompts& prompts, double strength, const PaintOptions& options) {
  DDIMSampler sampler(model);
  const std::int64_t steps = encode_steps(strength, options.steps);
  std::vector<at::Tensor> images;
  for (const at::Tensor& picture : pictures.unbind()) images.push_back(data::image_to_tensor(picture));
  const at::Tensor inputs = at::cat(images);
  return in_batches(
      *model, prompts, options, [&](std::int64_t begin, const SamplingRequest& request, NoiseSource& noise) {
        const at::Tensor image = inputs.narrow(0, begin, request.batch_size).to(model->device());
        const at::Tensor start = model->get_first_stage_encoding(model->encode_first_stage(image), noise);
        const at::Tensor noised = sampler.stochastic_encode(start, steps, request, noise);
        return sampler.decode(noised, steps, request, noise).samples;
      });
}

}  // namespace ldm::demo
