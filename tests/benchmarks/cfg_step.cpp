// Times one classifier-free guidance step of a Stable Diffusion model: the UNet on [uncond, cond], 512x512.
//
// It is driven line by line, so that a script can alternate it with a peer in one run: each line "step" on
// standard input runs one step. Events go to standard output as JSON lines: "ready" once the model, its text
// encoding and the start noise stand (the next thing is the first UNet call), "step" with its seconds, and
// "end" with the peak resident memory.
#include <ATen/ATen.h>
#include <ATen/Parallel.h>
#include <c10/core/InferenceMode.h>
#include <sys/resource.h>

#include <chrono>
#include <cxxopts.hpp>
#include <iostream>
#include <nlohmann/json.hpp>
#include <string>

#include "ldm/host_memory.h"
#include "ldm/pipelines/load_model.h"

namespace {

using Json = nlohmann::json;

double peak_resident_gb() {
  struct rusage usage {};
  ::getrusage(RUSAGE_SELF, &usage);
  return static_cast<double>(usage.ru_maxrss) * 1024 / 1e9;
}

void report(Json event) {
  event["peak_resident_gb"] = peak_resident_gb();
  std::cout << event.dump() << std::endl;
}

/// x_{t-1} aside, everything that a guided step does: one batched UNet call and the mix of its halves.
at::Tensor guided_eps(ldm::LatentDiffusionImpl& model, const at::Tensor& x, const at::Tensor& t,
                      const at::Tensor& conditioning) {
  const auto halves = model.apply_model(at::cat({x, x}), at::cat({t, t}), conditioning).chunk(2);
  return halves[0] + 7.5 * (halves[1] - halves[0]);
}

void run(const cxxopts::ParseResult& arguments) {
  at::set_num_threads(arguments["threads"].as<int>());
  const auto config = ldm::config::Config::from_file(arguments["config"].as<std::string>());
  ldm::LoadOptions load;
  load.pack = true;
  const auto loaded = ldm::load_model(config, arguments["ckpt"].as<std::string>(), load);
  const c10::InferenceMode inference;
  const at::Tensor conditioning =
      loaded.model->get_learned_conditioning(std::vector<std::string>{"", "a photograph of an astronaut"});
  const at::Tensor x = at::randn({1, 4, 64, 64});
  const at::Tensor t = at::full({1}, 981, at::kLong);
  report({{"event", "ready"}, {"read", loaded.report.read_seconds}, {"bind", loaded.report.convert_seconds}});
  for (std::string line; std::getline(std::cin, line) && line == "step";) {
    const auto start = std::chrono::steady_clock::now();
    const at::Tensor eps = guided_eps(*loaded.model, x, t, conditioning);
    const std::chrono::duration<double> seconds = std::chrono::steady_clock::now() - start;
    report({{"event", "step"}, {"seconds", seconds.count()}, {"finite", eps.isfinite().all().item<bool>()}});
  }
  report({{"event", "end"}});
}

}  // namespace

int main(int argc, char** argv) {
  ldm::keep_freed_memory();
  cxxopts::Options options("bench_cfg_step", "Times guidance steps; see tests/benchmarks/README.md.");
  options.add_options()(
      "config", "the model's YAML",
      cxxopts::value<std::string>()->default_value("configs/stable-diffusion/v1-inference.yaml"))(
      "ckpt", "a full-size checkpoint", cxxopts::value<std::string>())(
      "threads", "CPU threads", cxxopts::value<int>()->default_value("2"));
  try {
    run(options.parse(argc, argv));
    return 0;
  } catch (const std::exception& error) {
    std::cerr << "bench_cfg_step: " << error.what() << '\n';
    return 2;
  }
}
