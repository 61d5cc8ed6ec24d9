#include "ldm/cli/generation_session.h"

#include <ATen/Parallel.h>
#include <sys/resource.h>

#include <algorithm>
#include <chrono>
#include <cstdio>
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

/// The most memory that was in use so far, in bytes: on the device, else of the process.
std::int64_t peak_bytes(const Device& device) {
  if (device.cuda) return peak_memory(device).reserved;
  struct rusage usage {};
  ::getrusage(RUSAGE_SELF, &usage);
  return static_cast<std::int64_t>(usage.ru_maxrss) << 10;
}

/// The largest square in the middle of a picture [H, W, 3].
at::Tensor middle_square(const at::Tensor& picture) {
  const std::int64_t height = picture.size(0), width = picture.size(1), side = std::min(height, width);
  return picture.narrow(0, (height - side) / 2, side).narrow(1, (width - side) / 2, side).contiguous();
}

std::string count_text(std::int64_t images) {
  return std::to_string(images) + (images == 1 ? " picture" : " pictures");
}

}  // namespace

GenerationSession::GenerationSession(const ModelOptions& options, ReadPicture read_picture,
                                     ConsoleReporter& reporter)
    : options_(options),
      read_picture_(std::move(read_picture)),
      reporter_(reporter),
      device_(open_device(options.device)),
      precision_(parse_precision(options.precision)),
      config_(read_config(options)),
      checkpoint_(find_checkpoint(options.ckpt)) {
  if (options.threads > 0) at::set_num_threads(static_cast<int>(options.threads));
  if (!device_.fallback_reason.empty()) reporter_.say("no GPU: " + device_.fallback_reason);
  // Opened here already: a file that is no checkpoint shows before anything else is done.
  const LoadOptions load = load_options(options_, device_, precision_);
  weights::open_weights(checkpoint_, {load.mmap, load.ema_path});
  outline_ = build_inference_model(config_, default_registry());
  dimensions_ = dimensions_of(config_, *outline_);
}

GenerationSession::Job GenerationSession::prepare(const GenerationOptions& options) {
  Job job;
  data::Size input;
  if (options.kind == GenerationKind::img2img) {
    at::Tensor picture = read_picture_(options.init_img);
    const std::int64_t side = options_.picture_side;
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

void GenerationSession::show_plan(const GenerationOptions& options) {
  reporter_.say("plan, on " + device_.description + ", precision " + options_.precision + "\n" +
                describe(prepare(options).plan));
}

void GenerationSession::begin(const GenerationOptions& options) {
  PictureFolder(options, {});
  load();
}

void GenerationSession::load() {
  if (stages_) return;
  LoadedModel loaded = load_model(config_, checkpoint_, load_options(options_, device_, precision_));
  reporter_.say("model\n" + loaded.report.summary());
  ema_ = loaded.report.uses_ema;
  outline_.reset();
  stages_.emplace(StageModel{std::move(loaded.model), precision_}, device_.device,
                  [this] { return load_float32(); });
}

std::shared_ptr<LatentDiffusionImpl> GenerationSession::load_float32() const {
  LoadOptions load = load_options(options_, device_, Precision::full);
  load.pack = false;  // it stands beside the other model: better a mapped file than a copy
  return load_model(config_, checkpoint_, load).model;
}

GenerationResult GenerationSession::run(const GenerationOptions& options) {
  const Job job = prepare(options);
  reporter_.say("plan, on " + device_.description + ", precision " + options_.precision + "\n" +
                describe(job.plan));
  PictureFolder folder(options, [this](const std::string& path) { reporter_.written(path); });
  load();
  data::GenerationParameters parameters = shared_parameters(options, job.plan, device_.device, ema_);
  parameters.model_hash = model_hash();
  folder.set_parameters(std::move(parameters));
  const auto begun = std::chrono::steady_clock::now();
  const GenerationResult result = generate(*stages_, options, job.plan, job.image, folder, reporter_);
  say_end(result, std::chrono::duration<double>(std::chrono::steady_clock::now() - begun).count());
  return result;
}

std::string GenerationSession::model_hash() const {
  if (options_.model_hash) return weights::hash_of(checkpoint_).short_hash();
  const std::optional<weights::FileHash> known = weights::cached_hash(checkpoint_);
  return known ? known->short_hash() : "";
}

void GenerationSession::say_end(const GenerationResult& result, double seconds) {
  char text[128];
  std::snprintf(text, sizeof text, "%s in %.1f s, peak memory %.1f GiB", count_text(result.images).c_str(),
                seconds, static_cast<double>(peak_bytes(device_)) / (1 << 30));
  reporter_.say((result.complete ? "done: " : "stopped: ") + std::string(text));
}

}  // namespace ldm::cli
