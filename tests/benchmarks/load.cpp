// Loads a model's weights and reads every byte of them: how long that takes, and what it costs in memory.
//
// One JSON line: seconds of reading the tables, of binding and of reading all parameters, resident memory
// (all of it, and what of it is mapped from files), and the sum of the parameters, so that the reading cannot
// be left out.
#include <ATen/ATen.h>
#include <ATen/Parallel.h>

#include <chrono>
#include <cxxopts.hpp>
#include <fstream>
#include <iostream>
#include <nlohmann/json.hpp>
#include <string>

#include "ldm/host_memory.h"
#include "ldm/modules/state.h"
#include "ldm/pipelines/load_model.h"

namespace {

/// A number in kB from /proc/self/status, in GB.
double status_gb(const std::string& field) {
  std::ifstream status("/proc/self/status");
  for (std::string line; std::getline(status, line);) {
    if (line.rfind(field + ":", 0) == 0) return std::stod(line.substr(field.size() + 1)) * 1024 / 1e9;
  }
  throw std::runtime_error("expected " + field + " in /proc/self/status, got none");
}

void run(const cxxopts::ParseResult& arguments) {
  at::set_num_threads(arguments["threads"].as<int>());
  const auto config = ldm::config::Config::from_file(arguments["config"].as<std::string>());
  ldm::LoadOptions options;
  options.ema = ldm::parse_ema_choice(arguments["ema"].as<std::string>());
  options.mmap = ldm::checkpoint::parse_mmap_choice(arguments["mmap"].as<std::string>());
  const auto begun = std::chrono::steady_clock::now();
  const auto loaded = ldm::load_model(config, arguments["ckpt"].as<std::string>(), options);
  double sum = 0;
  for (const ldm::StateEntry& entry : ldm::parameters_of(*loaded.model)) {
    sum += entry.tensor.sum().item<double>();
  }
  const std::chrono::duration<double> whole = std::chrono::steady_clock::now() - begun;
  std::cout << nlohmann::json{{"read", loaded.report.read_seconds},
                              {"bind", loaded.report.convert_seconds},
                              {"whole", whole.count()},
                              {"resident_gb", status_gb("VmRSS")},
                              {"mapped_gb", status_gb("RssFile")},
                              {"sum", sum}}
                   .dump()
            << std::endl;
}

}  // namespace

int main(int argc, char** argv) {
  ldm::keep_freed_memory();
  cxxopts::Options options("bench_load", "Times the loading of weights; see tests/benchmarks/README.md.");
  options.add_options()(
      "config", "the model's YAML",
      cxxopts::value<std::string>()->default_value("configs/stable-diffusion/v1-inference.yaml"))(
      "ckpt", "a checkpoint", cxxopts::value<std::string>())(
      "ema", "config, on or off", cxxopts::value<std::string>()->default_value("config"))(
      "mmap", "auto, on or off", cxxopts::value<std::string>()->default_value("auto"))(
      "threads", "CPU threads", cxxopts::value<int>()->default_value("2"));
  try {
    run(options.parse(argc, argv));
    return 0;
  } catch (const std::exception& error) {
    std::cerr << "bench_load: " << error.what() << '\n';
    return 2;
  }
}
