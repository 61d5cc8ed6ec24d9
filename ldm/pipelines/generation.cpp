#include "ldm/pipelines/generation.h"

#include <ATen/ATen.h>
#include <c10/core/InferenceMode.h>

#include <algorithm>
#include <memory>
#include <set>
#include <utility>
#include <vector>

#include "ldm/checkpoint/mapping_guard.h"
#include "ldm/data/image_tensor.h"
#include "ldm/data/latent_preview.h"
#include "ldm/host_memory.h"
#include "ldm/modules/state.h"
#include "ldm/pipelines/latent_painter.h"
#include "ldm/pipelines/text_conditioning.h"

namespace ldm {
namespace {

using Prompts = std::vector<std::string>;

std::int64_t size_of(const Prompts& prompts) {
  return static_cast<std::int64_t>(prompts.size());
}

/// What is mapped of a stage that the rest of a batch does without; the next batch reads it again. With SD
/// v1's text encoder resident, decoding has the run's peak: 0.5 GB more.
void release_weights(torch::nn::Module& stage) {
  for (const StateEntry& entry : parameters_of(stage)) {
    if (entry.tensor.is_cpu())
      checkpoint::release_mapped(entry.tensor.const_data_ptr(), entry.tensor.nbytes());
  }
}

/// One call of `generate`.
class Run {
 public:
  Run(FiniteStages& stages, const GenerationOptions& options, const GenerationPlan& plan,
      const at::Tensor& image, PictureSink& sink, GenerationObserver& observer)
      : stages_(stages),
        options_(options),
        plan_(plan),
        sink_(sink),
        observer_(observer),
        painter_(options.kind == GenerationKind::img2img ? img2img_painter(options, image)
                                                         : txt2img_painter(options, plan.sampler)),
        noise_(std::make_unique<BatchNoise>(seed(0), stages.device())),
        warn_([this](const std::string& text) { observer_.warning(text); }) {}

  GenerationResult operator()() {
    tell_truncated();
    bool go_on = true;
    for (std::int64_t pass = 0; go_on && pass < plan_.passes; ++pass) {
      for (const Prompts& prompts : plan_.batches) {
        go_on = !observer_.wants_to_stop() && run_batch(prompts);
        if (!go_on) break;
        ++batch_;
      }
    }
    if (!options_.skip_grid && !images_.empty()) {
      sink_.grid(
          data::make_grid(at::stack(images_), options_.n_rows > 0 ? options_.n_rows : options_.n_samples));
    }
    return {done_, go_on};
  }

 private:
  std::uint64_t seed(std::int64_t image) const { return static_cast<std::uint64_t>(options_.seed + image); }

  /// Of the next pictures, each of which has its own.
  std::vector<std::uint64_t> seeds(std::int64_t count) const {
    std::vector<std::uint64_t> seeds;
    for (std::int64_t image = done_; image < done_ + count; ++image) {
      seeds.push_back(plan_.seeds.empty() ? seed(image) : plan_.seeds.at(static_cast<std::size_t>(image)));
    }
    return seeds;
  }

  void tell_truncated() {
    std::set<std::string> told{""};
    const auto tell = [&](const std::string& prompt) {
      if (!told.insert(prompt).second) return;
      const std::string unseen = unseen_text(*stages_.model(), prompt);
      if (!unseen.empty()) observer_.truncated(prompt, unseen);
    };
    tell(options_.negative_prompt);
    for (const Prompts& prompts : plan_.batches) std::for_each(prompts.begin(), prompts.end(), tell);
  }

  /// False if the observer ended it.
  bool run_batch(const Prompts& prompts) {
    if (options_.per_image_seeds) {
      noise_ = std::make_unique<PerImageNoise>(seeds(size_of(prompts)), stages_.device());
    }
    SamplingRequest request = make_request(prompts);
    const at::Tensor latents = sample(request, size_of(prompts));
    if (cancelled_) return false;
    for (std::int64_t row = 0; row < size_of(prompts); ++row) {
      finish_picture(latents.narrow(0, row, 1),
                     {prompts[static_cast<std::size_t>(row)], done_, batch_, row, size_of(prompts)});
    }
    return true;
  }

  SamplingRequest make_request(const Prompts& prompts) {
    const LatentDiffusionImpl& model = *stages_.model();
    SamplingRequest request;
    request.steps = options_.ddim_steps;
    request.batch_size = size_of(prompts);
    request.eta = options_.ddim_eta;
    request.unconditional_guidance_scale = options_.scale;
    if (plan_.guided) {
      if (!unconditional_.defined()) {
        unconditional_ = encode_prompts(stages_, {options_.negative_prompt}, warn_);
      }
      request.unconditional_conditioning =
          model.as_conditioning(unconditional_.expand({size_of(prompts), -1, -1}));
    }
    request.conditioning = model.as_conditioning(encode_prompts(stages_, prompts, warn_));
    if (model.cond_stage_model()) release_weights(*model.cond_stage_model());
    request.callback = [this](const SamplingStep& step) { return after_step(step); };
    return request;
  }

  at::Tensor start(std::int64_t rows) {
    if (start_.defined()) return start_.narrow(0, 0, rows);
    const auto compute = [&](const StageModel& with, NoiseSource& noise) {
      return painter_->start(with, rows, noise);
    };
    at::Tensor start = stages_.run("encoding of the input picture", compute, *noise_, warn_);
    if (!options_.per_image_seeds) start_ = start;  // as there: drawn once for the run
    return start;
  }

  at::Tensor sample(SamplingRequest& request, std::int64_t rows) {
    const at::Tensor begin = start(rows);
    if (!report(0)) return {};
    const auto compute = [&](const StageModel& with, NoiseSource& noise) {
      with.model->model()->set_rows_per_call(plan_.rows_per_call);
      request.precision = with.precision;
      return painter_->paint(with, begin, request, noise);
    };
    return stages_.run("sampling", compute, *noise_, warn_);
  }

  bool after_step(const SamplingStep& step) {
    const std::int64_t steps = step.index + 1;
    observer_.step(step);
    if (options_.preview > 0 && steps % options_.preview == 0 && steps < step.total) {
      sink_.preview(data::make_grid(data::latent_preview(step.pred_x0), step.pred_x0.size(0)));
    }
    return report(steps);
  }

  /// False if the observer ended the run.
  bool report(std::int64_t step) {
    checkpoint::check_mappings();
    const auto batches = static_cast<std::int64_t>(plan_.batches.size()) * plan_.passes;
    cancelled_ = !observer_.progress(
        {batch_, batches, step, plan_.steps, batch_ * plan_.steps + step, batches * plan_.steps});
    return !cancelled_;
  }

  void finish_picture(const at::Tensor& latent, const PictureInfo& info) {
    const auto decode = [&](const StageModel& with, NoiseSource&) {
      const ReturnFreedMemory large_maps;
      const AutocastScope autocast(stages_.device(), with.precision);
      return with.model->decode_first_stage(latent);
    };
    const at::Tensor image = data::to_image_u8(stages_.run("decoding", decode, *noise_, warn_))[0];
    checkpoint::check_mappings();  // no picture of weights that were cut away
    if (!options_.skip_save) sink_.picture(image, info);
    if (!options_.skip_grid) images_.push_back(image);
    ++done_;
  }

  FiniteStages& stages_;
  const GenerationOptions& options_;
  const GenerationPlan& plan_;
  PictureSink& sink_;
  GenerationObserver& observer_;
  std::unique_ptr<LatentPainter> painter_;
  std::unique_ptr<NoiseSource> noise_;
  FiniteStages::Warn warn_;
  at::Tensor unconditional_, start_;
  std::vector<at::Tensor> images_;
  std::int64_t batch_ = 0, done_ = 0;
  bool cancelled_ = false;
};

}  // namespace

GenerationResult generate(FiniteStages& stages, const GenerationOptions& options, const GenerationPlan& plan,
                          const at::Tensor& image, PictureSink& sink, GenerationObserver& observer) {
  const c10::InferenceMode inference;
  return Run(stages, options, plan, image, sink, observer)();
}

}  // namespace ldm
