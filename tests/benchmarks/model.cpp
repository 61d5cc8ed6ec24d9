// Times a part of a Stable Diffusion model: a guidance step of the UNet, the decoder, the text encoder; or
// loads it and does no more.
//
// It is driven line by line, so that a script can alternate it with a peer in one run: each line "step" on
// standard input runs the part once. Events go to standard output as JSON lines: "ready" once the model and
// the part's inputs stand (for the UNet: the next thing is its first call), "step" with its seconds, and
// "end". Each has the peak resident memory. With --repeat it needs no script, and writes for people.
#include <ATen/ATen.h>
#include <ATen/Parallel.h>
#include <c10/core/InferenceMode.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <cxxopts.hpp>
#include <fstream>
#include <functional>
#include <iomanip>
#include <iostream>
#include <map>
#include <memory>
#include <stdexcept>
#include <string>
#include <vector>

#include "ldm/host_memory.h"
#include "ldm/models/diffusion/guided_denoiser.h"
#include "ldm/pipelines/load_model.h"
#include "tests/benchmarks/events.h"

namespace {

using ldm::benchmarks::report;

/// The parts, and what people call a step of them.
const std::map<std::string, std::string> kParts = {
    {"unet", "cfg step"}, {"vae", "vae decode"}, {"clip", "clip"}, {"load", "load"}};
const std::vector<std::string> kPrompts = {"", "a photograph of an astronaut"};
constexpr std::int64_t kPixelsPerLatent = 8;

/// Computes the part once.
using Step = std::function<at::Tensor()>;

struct Options {
  std::string part, config, ckpt;
  ldm::Precision precision;
  std::int64_t size, batch, repeat;
  int threads;

  std::int64_t side() const { return size / kPixelsPerLatent; }  ///< of a latent
};

Options read_options(const cxxopts::ParseResult& arguments) {
  if (arguments.count("ckpt") == 0) throw std::invalid_argument("expected --ckpt, got none");
  const Options options{
      arguments["part"].as<std::string>(),    arguments["config"].as<std::string>(),
      arguments["ckpt"].as<std::string>(),    ldm::parse_precision(arguments["precision"].as<std::string>()),
      arguments["size"].as<std::int64_t>(),   arguments["batch"].as<std::int64_t>(),
      arguments["repeat"].as<std::int64_t>(), arguments["threads"].as<int>()};
  if (kParts.count(options.part) == 0) {
    throw std::invalid_argument("--part: expected unet, vae, clip or load, got '" + options.part + "'");
  }
  if (options.size < kPixelsPerLatent || options.size % kPixelsPerLatent != 0) {
    throw std::invalid_argument("--size: expected a multiple of 8, got " + std::to_string(options.size));
  }
  if (options.batch < 1 || options.threads < 1 || options.repeat < 0) {
    throw std::invalid_argument("expected --batch and --threads from 1 and --repeat from 0, got less");
  }
  return options;
}

at::Tensor random_latents(const ldm::LatentDiffusionImpl& model, const Options& options) {
  return at::randn({options.batch, model.options().channels, options.side(), options.side()});
}

/// x_{t-1} aside, everything that a sampler's guided step does.
class GuidedStep {
 public:
  GuidedStep(ldm::LatentDiffusionImpl& model, const Options& options)
      : request_(make_request(model, options)),
        denoise_(model, request_),
        x_(random_latents(model, options)),
        t_(at::full({options.batch}, 981, at::kLong)) {}

  at::Tensor operator()() { return denoise_(x_, t_); }

 private:
  static ldm::SamplingRequest make_request(ldm::LatentDiffusionImpl& model, const Options& options) {
    const at::Tensor texts = model.get_learned_conditioning(kPrompts);
    const auto rows = [&](std::int64_t text) {
      return model.as_conditioning(texts.narrow(0, text, 1).expand({options.batch, -1, -1}));
    };
    ldm::SamplingRequest request;
    request.batch_size = options.batch;
    request.unconditional_guidance_scale = 7.5;
    request.unconditional_conditioning = rows(0);
    request.conditioning = rows(1);
    request.precision = options.precision;
    return request;
  }

  ldm::SamplingRequest request_;
  ldm::GuidedDenoiser denoise_;
  at::Tensor x_, t_;
};

/// Picture by picture, with memory returned, as the programs do.
Step decoding(ldm::LatentDiffusionImpl& model, const Options& options) {
  return [&model, latents = random_latents(model, options)] {
    std::vector<at::Tensor> pictures;
    for (std::int64_t row = 0; row < latents.size(0); ++row) {
      const ldm::ReturnFreedMemory large_maps;
      pictures.push_back(model.decode_first_stage(latents.narrow(0, row, 1)));
    }
    return at::cat(pictures);
  };
}

Step make_step(ldm::LatentDiffusionImpl& model, const Options& options) {
  if (options.part == "vae") return decoding(model, options);
  if (options.part == "clip") return [&model] { return model.get_learned_conditioning(kPrompts); };
  const auto step = std::make_shared<GuidedStep>(model, options);
  return [step] { return (*step)(); };
}

struct Timed {
  double seconds;
  bool finite;
};

Timed timed(const Step& step) {
  const auto start = std::chrono::steady_clock::now();
  const at::Tensor result = step();
  const std::chrono::duration<double> seconds = std::chrono::steady_clock::now() - start;
  return {seconds.count(), at::isfinite(result).all().item<bool>()};
}

double checked_seconds(const Step& step) {
  const Timed result = timed(step);
  if (!result.finite) throw std::runtime_error("expected finite values, got NaN or infinity");
  return result.seconds;
}

double median(std::vector<double> values) {
  std::sort(values.begin(), values.end());
  const std::size_t middle = values.size() / 2;
  return values.size() % 2 == 1 ? values[middle] : (values[middle - 1] + values[middle]) / 2;
}

double resident_gb() {
  std::ifstream statm("/proc/self/statm");
  std::int64_t size = 0, resident = 0;
  if (!(statm >> size >> resident)) throw std::runtime_error("expected two numbers in /proc/self/statm");
  return static_cast<double>(resident) * static_cast<double>(::sysconf(_SC_PAGESIZE)) / 1e9;
}

void print_for_people(const Step& step, const Options& options) {
  const double first = checked_seconds(step);
  std::vector<double> seconds;
  for (std::int64_t i = 0; i < options.repeat; ++i) seconds.push_back(checked_seconds(step));
  std::cout << kParts.at(options.part) << ' ' << median(seconds) << " s\nfirst call " << first << " s\n";
}

void print_memory() {
  std::cout << "resident now " << resident_gb() << " GB, at peak " << ldm::benchmarks::peak_resident_gb()
            << " GB\n";
}

void serve(const Step& step) {
  for (std::string line; std::getline(std::cin, line) && line == "step";) {
    const Timed result = timed(step);
    report({{"event", "step"}, {"seconds", result.seconds}, {"finite", result.finite}});
  }
}

void run(const Options& options) {
  at::set_num_threads(options.threads);
  const auto config = ldm::config::Config::from_file(options.config);
  ldm::LoadOptions load;
  load.precision = options.precision;
  load.pack = true;
  const auto loaded = ldm::load_model(config, options.ckpt, load);
  const c10::InferenceMode inference;
  Step step;
  if (options.part != "load") step = make_step(*loaded.model, options);
  if (options.repeat > 0) {
    std::cout << std::fixed << std::setprecision(3) << loaded.report.summary() << '\n';
    if (step) print_for_people(step, options);
    print_memory();
    return;
  }
  report({{"event", "ready"}, {"read", loaded.report.read_seconds}, {"bind", loaded.report.convert_seconds}});
  if (step) serve(step);
  report({{"event", "end"}});
}

}  // namespace

int main(int argc, char** argv) {
  ldm::keep_freed_memory();
  cxxopts::Options options("bench_model", "Times a part of a model; see tests/benchmarks/README.md.");
  options.add_options()("part", "unet, vae, clip or load",
                        cxxopts::value<std::string>()->default_value("unet"))(
      "config", "the model's YAML",
      cxxopts::value<std::string>()->default_value("configs/stable-diffusion/v1-inference.yaml"))(
      "ckpt", "a full-size checkpoint", cxxopts::value<std::string>())(
      "precision", "full, autocast, half or bf16", cxxopts::value<std::string>()->default_value("full"))(
      "size", "pixels on each side", cxxopts::value<std::int64_t>()->default_value("512"))(
      "batch", "pictures", cxxopts::value<std::int64_t>()->default_value("1"))(
      "repeat", "steps after the first, for people; 0: one for each line \"step\" on standard input",
      cxxopts::value<std::int64_t>()->default_value("0"))("threads", "CPU threads",
                                                          cxxopts::value<int>()->default_value("2"));
  try {
    run(read_options(options.parse(argc, argv)));
    return 0;
  } catch (const std::exception& error) {
    std::cerr << "bench_model: " << error.what() << '\n';
    return 2;
  }
}
