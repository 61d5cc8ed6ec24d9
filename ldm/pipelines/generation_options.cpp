#include "ldm/pipelines/generation_options.h"

#include <numeric>
#include <set>
#include <sstream>

namespace ldm {
namespace {

constexpr std::int64_t kPixelMultiple = 8;

[[noreturn]] void refuse(const std::string& message) {
  throw OptionError(message);
}

void check_side(const char* name, std::int64_t pixels, std::int64_t f) {
  const std::int64_t multiple = std::lcm(kPixelMultiple, f);
  if (pixels > 0 && pixels % multiple == 0) return;
  refuse(std::string(name) + ": expected a multiple of " + std::to_string(multiple) + " above 0, got " +
         std::to_string(pixels));
}

void check_sampler(const GenerationOptions& options) {
  const std::string sampler = chosen_sampler(options);
  if (options.kind == GenerationKind::img2img && sampler != "ddim") {
    refuse("expected the sampler ddim, got " + sampler +
           ": img2img starts in the middle of the steps, which only ddim can; leave --plms out");
  }
  if (sampler != "ddim" && options.ddim_eta != 0) {
    std::ostringstream message;
    message << "--ddim_eta: expected 0 with the sampler " << sampler << ", which has no such noise, got "
            << options.ddim_eta << "; use --sampler ddim";
    refuse(message.str());
  }
}

void check_contradictions(const GenerationOptions& options) {
  if (options.per_image_seeds && options.fixed_code) {
    refuse(
        "expected --per-image-seeds or --fixed_code, got both: one gives each batch new start noise, the "
        "other the same");
  }
  if (options.skip_save && options.skip_grid) {
    refuse("expected at most one of --skip_save and --skip_grid, got both: nothing would be written");
  }
  if (!options.negative_prompt.empty() && options.scale == 1.0) {
    refuse("--negative-prompt: expected a --scale other than 1, got 1, which is without guidance");
  }
}

void check_input(const GenerationOptions& options) {
  if (options.kind == GenerationKind::txt2img) {
    check_side("--H", options.H, options.f);
    check_side("--W", options.W, options.f);
    return;
  }
  if (options.init_img.empty()) refuse("expected --init-img with the image to start from, got none");
  if (!(options.strength >= 0 && options.strength <= 1)) {
    refuse("--strength: expected a number from 0 to 1");
  }
}

}  // namespace

GenerationOptions default_options(GenerationKind kind) {
  GenerationOptions options;
  options.kind = kind;
  if (kind == GenerationKind::img2img) {
    options.n_iter = 1;
    options.n_samples = 2;
    options.scale = 5.0;
    options.outdir = "outputs/img2img-samples";
  }
  return options;
}

std::string chosen_sampler(const GenerationOptions& options) {
  std::set<std::string> chosen;
  if (options.plms) chosen.insert("plms");
  if (options.dpm_solver) chosen.insert("dpm_solver");
  if (!options.sampler.empty()) chosen.insert(options.sampler);
  if (chosen.size() > 1) {
    std::string all;
    for (const std::string& name : chosen) all += (all.empty() ? "" : " and ") + name;
    refuse("expected one sampler from --plms, --dpm_solver and --sampler, got " + all);
  }
  return chosen.empty() ? "ddim" : *chosen.begin();
}

void check_options(const GenerationOptions& options) {
  if (options.model.laion400m) {
    throw NotSupported(
        "--laion400m: the LAION-400M model is not built yet; leave the option out for Stable Diffusion v1");
  }
  check_sampler(options);
  check_input(options);
  check_contradictions(options);
}

}  // namespace ldm
