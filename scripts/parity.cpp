// Runs golden cases against this library and says, tensor by tensor, how far it is from the reference.
#include <cstdio>
#include <cxxopts.hpp>
#include <exception>
#include <iostream>
#include <stdexcept>

#include "ldm/checkpoint/mapping_guard.h"
#include "ldm/cuda/device.h"
#include "ldm/host_memory.h"
#include "ldm/parity/report.h"

namespace {

cxxopts::Options command_line() {
  cxxopts::Options options("parity",
                           "Compares this library with golden outputs of the reference.\n"
                           "A CASE is a .safetensors file with a `case` in its metadata, or tokenizer.json;\n"
                           "files without a case (weights) are skipped. Exit status: 0 all passed, 1 a\n"
                           "failure, 2 wrong usage.");
  options.positional_help("CASE...").add_options()("h,help", "this text")(
      "tolerance", "relative tolerance |a-b|/|b| for one pass of a module",
      cxxopts::value<double>()->default_value("1e-5"))("device", "cpu, cuda, cuda:N or auto",
                                                       cxxopts::value<std::string>()->default_value("cpu"))(
      "precision", "full, autocast, half or bf16; the last two need a wider --tolerance",
      cxxopts::value<std::string>()->default_value("full"))(
      "weights", "a checkpoint to use in place of the cases' own weights",
      cxxopts::value<std::string>()->default_value(""))(
      "mmap", "auto, on or off: weights mapped from their file, or read into memory",
      cxxopts::value<std::string>()->default_value("auto"))(
      "selftest", "move every expected tensor beyond its tolerance: every case must then fail")(
      "cases", "", cxxopts::value<std::vector<std::string>>());
  options.parse_positional({"cases"});
  return options;
}

}  // namespace

int main(int argc, char** argv) {
  ldm::checkpoint::install_mapping_guard();
  ldm::keep_freed_memory();
  auto options = command_line();
  try {
    const auto arguments = options.parse(argc, argv);
    if (arguments.count("help") > 0) {
      std::cout << options.help();
      return 0;
    }
    if (arguments.count("cases") == 0)
      throw std::invalid_argument("expected at least one CASE, got none (see --help)");
    const ldm::Device device = ldm::select_device(arguments["device"].as<std::string>());
    ldm::parity::RunOptions run;
    run.device = device.device;
    run.precision = ldm::parse_precision(arguments["precision"].as<std::string>());
    run.tolerance.relative = arguments["tolerance"].as<double>();
    run.selftest = arguments.count("selftest") > 0;
    run.weights = arguments["weights"].as<std::string>();
    run.mmap = ldm::checkpoint::parse_mmap_choice(arguments["mmap"].as<std::string>());
    const auto summary =
        ldm::parity::run_files(arguments["cases"].as<std::vector<std::string>>(), run, std::cout);
    return summary.failed > 0 ? 1 : 0;
  } catch (const std::exception& error) {
    std::cerr << "parity: " << error.what() << '\n';
    return 2;
  }
}
