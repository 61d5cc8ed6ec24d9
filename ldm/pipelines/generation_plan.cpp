#include "ldm/pipelines/generation_plan.h"

#include <algorithm>
#include <cstdio>
#include <sstream>

#include "ldm/host_memory.h"
#include "ldm/models/diffusion/ddim.h"
#include "ldm/models/diffusion/sampler.h"
#include "ldm/pipelines/prompts.h"

namespace ldm {
namespace {

constexpr std::int64_t kInputMultiple = 32;
constexpr std::int64_t kLargestSeed = 4294967295;

std::string size_text(data::Size size) {
  return std::to_string(size.width) + "x" + std::to_string(size.height);
}

std::string counted(std::int64_t count, const std::string& noun) {
  const bool sibilant = noun.back() == 'h';
  return std::to_string(count) + ' ' + noun + (count == 1 ? "" : sibilant ? "es" : "s");
}

void check_channels(const GenerationOptions& options, const ModelDimensions& model) {
  if (options.C == model.latent_channels) return;
  throw OptionError("--C: expected " + std::to_string(model.latent_channels) +
                    ", the channels of this config's latents, got " + std::to_string(options.C));
}

void set_sizes(GenerationPlan& plan, const GenerationOptions& options, const ModelDimensions& model,
               data::Size input) {
  if (options.kind == GenerationKind::img2img) {
    plan.image = img2img_size(input);
    plan.latent = {options.C, plan.image.height / model.image_factor, plan.image.width / model.image_factor};
    return;
  }
  plan.latent = {options.C, options.H / options.f, options.W / options.f};
  plan.image = {plan.latent[1] * model.image_factor, plan.latent[2] * model.image_factor};
}

void set_steps(GenerationPlan& plan, const GenerationOptions& options,
               const std::shared_ptr<LatentDiffusionImpl>& model) {
  plan.sampler = chosen_sampler(options);
  plan.steps =
      static_cast<std::int64_t>(make_sampler(plan.sampler, model)->timesteps(options.ddim_steps).size());
  if (options.kind == GenerationKind::img2img) {
    plan.steps = std::min(plan.steps, encode_steps(options.strength, options.ddim_steps));
  }
  plan.network_calls = plan.steps + (plan.sampler == "plms" ? 1 : 0);
  plan.guided = options.scale != 1.0;
}

void check_seeds(const GenerationPlan& plan, const GenerationOptions& options) {
  if (!options.per_image_seeds || plan.images() - 1 <= kLargestSeed - options.seed) return;
  throw OptionError("--per-image-seeds: expected --seed and the number of pictures to stay below " +
                    std::to_string(kLargestSeed + 1) + ", got " + std::to_string(options.seed) + " and " +
                    std::to_string(plan.images()));
}

[[noreturn]] void refuse_memory(const GenerationPlan& plan, const GenerationOptions& options,
                                c10::Device device) {
  const bool from_image = options.kind == GenerationKind::img2img;
  std::string advice = from_image ? "take a smaller --init-img" : "lower --H and --W";
  if (device.is_cuda()) advice += ", or use --precision half";
  throw TooLarge("out of memory: expected about " + gibibytes(plan.memory.total()) + " for a picture of " +
                 size_text(plan.image) + " (weights " + gibibytes(plan.memory.weights) + "), got " +
                 gibibytes(plan.memory_available) + " available on " + device.str() + "; " + advice);
}

/// The most rows that fit; at least one.
void fit_memory(GenerationPlan& plan, const GenerationOptions& options, const PlanTarget& target) {
  plan.memory_available = target.memory_available;
  const auto fits = [&](std::int64_t rows) {
    plan.rows_per_call = rows;
    plan.memory = estimate_memory(target.dimensions, plan.image, rows, target.precision, target.device);
    const std::int64_t held = target.weights_loaded ? plan.memory.weights : 0;
    return plan.memory_available == 0 || plan.memory.total() - held <= plan.memory_available;
  };
  std::int64_t rows = plan.rows_wanted();
  while (!fits(rows)) {
    if (--rows == 0) refuse_memory(plan, options, target.device);
  }
}

}  // namespace

std::int64_t GenerationPlan::images_in_pass() const {
  std::int64_t count = 0;
  for (const auto& prompts : batches) count += static_cast<std::int64_t>(prompts.size());
  return count;
}

std::int64_t GenerationPlan::rows_wanted() const {
  std::size_t largest = 0;
  for (const auto& prompts : batches) largest = std::max(largest, prompts.size());
  return static_cast<std::int64_t>(largest) * (guided ? 2 : 1);
}

data::Size img2img_size(data::Size input) {
  const data::Size size = data::floor_to_multiple(input, kInputMultiple);
  if (size.height > 0 && size.width > 0) return size;
  throw OptionError("--init-img: expected a picture of at least " + std::to_string(kInputMultiple) +
                    " pixels on each side, got " + size_text(input));
}

GenerationPlan make_plan(const GenerationOptions& options, const PlanTarget& target, data::Size input) {
  check_channels(options, target.dimensions);
  GenerationPlan plan;
  plan.batches = prompt_batches(options);
  plan.passes = options.n_iter;
  set_sizes(plan, options, target.dimensions, input);
  set_steps(plan, options, target.model);
  check_seeds(plan, options);
  fit_memory(plan, options, target);
  return plan;
}

std::string describe(const GenerationPlan& plan) {
  std::ostringstream text;
  text << counted(plan.images(), "picture") << " of " << size_text(plan.image) << " in "
       << counted(plan.passes * static_cast<std::int64_t>(plan.batches.size()), "batch") << '\n'
       << counted(plan.steps, "step") << " of " << plan.sampler << " for each batch, "
       << counted(plan.network_calls, "call") << " of the network"
       << (plan.guided ? ", guided" : ", without guidance") << '\n'
       << "about " << gibibytes(plan.memory.total()) << " of memory (weights "
       << gibibytes(plan.memory.weights) << ")";
  if (plan.memory_available > 0) text << ", " << gibibytes(plan.memory_available) << " available";
  if (plan.rows_per_call < plan.rows_wanted()) {
    text << "\nmemory is short: each call of the network is cut into parts of "
         << counted(plan.rows_per_call, "latent") << " instead of " << plan.rows_wanted()
         << "; a lower --n_samples would avoid that";
  }
  return text.str();
}

}  // namespace ldm
