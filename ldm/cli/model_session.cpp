#include "ldm/cli/model_session.h"

#include <ATen/Parallel.h>

#include <algorithm>
#include <utility>

#include "ldm/cli/open_device.h"
#include "ldm/data/resize.h"
#include "ldm/pipelines/picture_folder.h"
#include "ldm/pipelines/project_files.h"
#include "ldm/weights/file_hash.h"
#include "ldm/weights/open_weights.h"

namespace ldm::cli {
namespace {

config::Config read_config(const ModelOptions& options) {
  config::Config config = config::Config::from_file(find_project_file(options.config));
  config.apply_overrides(options.overrides);
  return config;
}

LoadOptions load_options(const ModelOptions& options, const Device& device, Precision precision) {
  return {parse_ema_choice(options.ema),
          options.ema_ckpt,
          checkpoint::parse_mmap_choice(options.mmap),
          device.device,
          precision,
          /*pack=*/true};
}

/// The largest square in the middle of a picture [H, W, 3].
at::Tensor middle_square(const at::Tensor& picture) {
  const std::int64_t height = picture.size(0), width = picture.size(1), side = std::min(height, width);
  return picture.narrow(0, (height - side) / 2, side).narrow(1, (width - side) / 2, side).contiguous();
}

}  // namespace

ModelSession::ModelSession(const ModelOptions& options, ReadPicture read_picture)
    : options_(options),
      read_picture_(std::move(read_picture)),
      device_(open_device(options.device)),
      precision_(parse_precision(options.precision)),
      config_(read_config(options)),
      checkpoint_(find_checkpoint(options.ckpt)) {
  if (options.threads > 0) at::set_num_threads(static_cast<int>(options.threads));
  // Opened here already: a file that is no checkpoint shows before anything else is done.
  const LoadOptions load = load_options(options_, device_, precision_);
  weights::open_weights(checkpoint_, {load.mmap, load.ema_path});
  outline_ = build_inference_model(config_, default_registry());
  dimensions_ = dimensions_of(config_, *outline_);
}

ModelSession::Job ModelSession::prepare(const GenerationOptions& options) const {
  Job job;
  data::Size input;
  if (options.kind == GenerationKind::img2img) {
    at::Tensor picture = read_picture_(options.init_img);
    const std::int64_t side = options.model.picture_side;
    if (side > 0) picture = middle_square(picture);
    input = side > 0 ? data::Size{side, side} : data::Size{picture.size(0), picture.size(1)};
    const data::Size size = img2img_size(input);
    job.image = data::image_to_tensor(data::lanczos_resize(picture, size.height, size.width));
  }
  PlanTarget target;
  target.model = stages_ ? stages_->model() : outline_;
  target.dimensions = dimensions_;
  target.precision = precision_;
  target.device = device_.device;
  target.weights_loaded = stages_.has_value();
  target.memory_available = available_memory(device_);
  job.plan = make_plan(options, target, input);
  return job;
}

std::optional<LoadReport> ModelSession::load() {
  if (stages_) return std::nullopt;
  LoadedModel loaded = load_model(config_, checkpoint_, load_options(options_, device_, precision_));
  ema_ = loaded.report.uses_ema;
  outline_.reset();
  stages_.emplace(StageModel{std::move(loaded.model), precision_}, device_.device,
                  [this] { return load_float32(); });
  return loaded.report;
}

std::shared_ptr<LatentDiffusionImpl> ModelSession::load_float32() const {
  LoadOptions load = load_options(options_, device_, Precision::full);
  load.pack = false;  // it stands beside the other model: better a mapped file than a copy
  return load_model(config_, checkpoint_, load).model;
}

GenerationResult ModelSession::paint(const GenerationOptions& options, const Job& job, PictureSink& sink,
                                     GenerationObserver& observer) {
  load();
  return generate(*stages_, options, job.plan, job.image, sink, observer);
}

data::GenerationParameters ModelSession::parameters(const GenerationOptions& options,
                                                    const GenerationPlan& plan) const {
  data::GenerationParameters parameters = shared_parameters(options, plan, device_.device, ema_);
  parameters.model_hash = model_hash();
  return parameters;
}

std::string ModelSession::model_hash() const {
  if (options_.model_hash) return weights::hash_of(checkpoint_).short_hash();
  const std::optional<weights::FileHash> known = weights::cached_hash(checkpoint_);
  return known ? known->short_hash() : "";
}

}  // namespace ldm::cli
