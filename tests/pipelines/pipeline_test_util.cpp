#include "tests/pipelines/pipeline_test_util.h"

#include <ATen/ATen.h>

#include "ldm/data/resize.h"
#include "ldm/parity/weight_rule.h"
#include "ldm/pipelines/load_model.h"
#include "tests/support/paths.h"

namespace ldm::testing {
namespace {

constexpr std::int64_t kSalt = 100;

config::Config tiny_config() {
  return config::Config::from_file(golden_path("tiny-inference.yaml"));
}

std::string sampler_of(const std::string& name) {
  return name == "dpm" ? "dpm_solver" : name;
}

}  // namespace

std::shared_ptr<LatentDiffusionImpl> tiny_model() {
  static const std::shared_ptr<LatentDiffusionImpl> model = [] {
    auto made = build_inference_model(tiny_config(), default_registry());
    parity::apply_weight_rule(*made, kSalt, /*use_ema=*/false);
    return made;
  }();
  return model;
}

PlanTarget tiny_target() {
  PlanTarget target;
  target.model = tiny_model();
  target.dimensions = dimensions_of(tiny_config(), *tiny_model());
  return target;
}

FiniteStages tiny_stages() {
  return FiniteStages({tiny_model(), Precision::full}, c10::kCPU, {});
}

GenerationOptions small_options() {
  GenerationOptions options;
  options.prompt = "a fox";
  options.H = options.W = 64;
  options.n_iter = options.n_samples = 1;
  options.ddim_steps = 3;
  return options;
}

MemorySink run_tiny(const GenerationOptions& options, const at::Tensor& image) {
  FiniteStages stages = tiny_stages();
  MemorySink sink;
  GenerationObserver observer;
  const data::Size input = image.defined() ? data::Size{image.size(2), image.size(3)} : data::Size{};
  generate(stages, options, make_plan(options, tiny_target(), input), image, sink, observer);
  return sink;
}

GenerationOptions options_of(const parity::CaseFile& file) {
  const bool from_image = file.kind() == "img2img";
  GenerationOptions o = default_options(from_image ? GenerationKind::img2img : GenerationKind::txt2img);
  o.prompt = file.text("prompt");
  o.seed = file.integer("seed", o.seed);
  o.scale = std::stod(file.text("scale"));
  o.ddim_eta = std::stod(file.text("eta"));
  o.n_iter = file.integer("n_iter", 1);
  o.n_samples = file.integer("n_samples", 1);
  o.ddim_steps = file.integer(from_image ? "ddim_steps" : "steps", 0);
  if (from_image) {
    o.strength = std::stod(file.text("strength"));
    return o;
  }
  o.sampler = sampler_of(file.text("sampler"));
  o.H = file.integer("H", 0);
  o.W = file.integer("W", 0);
  o.fixed_code = file.integer("fixed_code", 0) != 0;
  return o;
}

}  // namespace ldm::testing
