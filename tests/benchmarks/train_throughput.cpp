// Times training steps of a config's UNet on random latents: forward, backward and AdamW.
//
// It is driven line by line, so that a script can alternate it with a peer in one run: each line "step" on
// standard input runs one step. Events go to standard output as JSON lines: "ready" once network, optimiser
// and batch stand, with the number of parameters; "step" with its seconds and loss; and "end". Each has the
// peak resident memory.
#include <ATen/ATen.h>
#include <ATen/Parallel.h>

#include <chrono>
#include <cxxopts.hpp>
#include <iostream>
#include <memory>
#include <optional>
#include <stdexcept>
#include <string>
#include <vector>

#include "ldm/host_memory.h"
#include "ldm/modules/diffusionmodules/openaimodel.h"
#include "ldm/modules/init.h"
#include "ldm/modules/state.h"
#include "ldm/ops/precision.h"
#include "ldm/registry.h"
#include "ldm/training/optimizer.h"
#include "ldm/util.h"
#include "tests/benchmarks/events.h"

namespace {

using ldm::benchmarks::report;

constexpr double kLearningRate = 1e-4;
constexpr std::int64_t kTokens = 77;

c10::ScalarType autocast_type(const std::string& precision) {
  if (precision == "32") return at::kFloat;
  if (precision == "bf16") return at::kBFloat16;
  throw std::invalid_argument("--precision: expected 32 or bf16, got '" + precision + "'");
}

/// The network of a config with fresh weights; those of convolutions in the memory format.
std::shared_ptr<ldm::DiffusionNetwork> make_network(const ldm::config::Node& unet, at::MemoryFormat format) {
  const ldm::Registry registry = ldm::default_registry();
  auto network = ldm::instantiate_from_config<ldm::DiffusionNetwork>(unet, registry);
  ldm::init_weights(*network, at::globalContext().defaultGenerator(c10::kCPU));
  for (ldm::StateEntry& entry : ldm::parameters_of(*network)) {
    if (entry.tensor.dim() == 4) entry.bind(entry.tensor.contiguous(format));
  }
  return network;
}

std::vector<ldm::training::TrainedParameter> trained_parameters(ldm::DiffusionNetwork& network) {
  std::vector<ldm::training::TrainedParameter> parameters;
  for (ldm::StateEntry& entry : ldm::parameters_of(network)) {
    parameters.push_back({entry.name, entry.tensor.set_requires_grad(true)});
  }
  return parameters;
}

/// A network with its optimiser, and a batch of latents [B, C, size, size] to predict the noise of.
class Training {
 public:
  Training(const ldm::config::Node& unet, const cxxopts::ParseResult& arguments)
      : format_(arguments["channels_last"].as<bool>() ? at::MemoryFormat::ChannelsLast
                                                      : at::MemoryFormat::Contiguous),
        autocast_(autocast_type(arguments["precision"].as<std::string>())),
        network_(make_network(unet, format_)),
        optimizer_(trained_parameters(*network_), ldm::training::OptimizerOptions()) {
    const ldm::config::Node params = unet.at("params");
    const std::int64_t batch = arguments["batch"].as<int>(), size = arguments["size"].as<int>();
    x_ = at::randn({batch, params.at("in_channels").as_integer(), size, size}).contiguous(format_);
    noise_ = at::randn_like(x_);
    t_ = at::randint(0, 1000, {batch}, at::TensorOptions(at::kLong));
    context_ = at::randn({batch, kTokens, params.at("context_dim").as_integer()});
  }

  std::int64_t parameter_count() const {
    std::int64_t count = 0;
    for (const auto& parameter : optimizer_.parameters()) count += parameter.tensor.numel();
    return count;
  }

  /// One step; gives the loss.
  double step() {
    at::Tensor loss;
    {
      const ldm::AutocastScope autocast(at::kCPU, autocast_);
      const at::Tensor prediction = network_->forward(x_, t_, context_, std::nullopt);
      loss = at::mse_loss(prediction.to(at::kFloat), noise_);
    }
    loss.backward();
    optimizer_.step(kLearningRate);
    optimizer_.zero_grad();
    return loss.item<double>();
  }

 private:
  at::MemoryFormat format_;
  c10::ScalarType autocast_;
  std::shared_ptr<ldm::DiffusionNetwork> network_;
  ldm::training::Optimizer optimizer_;
  at::Tensor x_, noise_, t_, context_;
};

void run(const cxxopts::ParseResult& arguments) {
  at::set_num_threads(arguments["threads"].as<int>());
  auto config = ldm::config::Config::from_file(arguments["config"].as<std::string>());
  const std::string recomputes = arguments["use_checkpoint"].as<bool>() ? "true" : "false";
  config.apply_overrides({"model.params.unet_config.params.use_checkpoint=" + recomputes});
  Training training(config.root().at("model").at("params").at("unet_config"), arguments);
  report({{"event", "ready"}, {"parameters", training.parameter_count()}});
  for (std::string line; std::getline(std::cin, line) && line == "step";) {
    const auto start = std::chrono::steady_clock::now();
    const double loss = training.step();
    const std::chrono::duration<double> seconds = std::chrono::steady_clock::now() - start;
    report({{"event", "step"}, {"seconds", seconds.count()}, {"loss", loss}});
  }
  report({{"event", "end"}});
}

}  // namespace

int main(int argc, char** argv) {
  ldm::keep_freed_memory();
  cxxopts::Options options("bench_train_throughput", "Times training steps; see tests/benchmarks/README.md.");
  options.add_options()(
      "config", "the model's YAML",
      cxxopts::value<std::string>()->default_value("configs/stable-diffusion/v1-inference.yaml"))(
      "batch", "samples in a step", cxxopts::value<int>()->default_value("1"))(
      "size", "side of the latents", cxxopts::value<int>()->default_value("32"))(
      "precision", "32, or bf16: autocast", cxxopts::value<std::string>()->default_value("32"))(
      "channels_last", "memory format of images and of convolutions' weights", cxxopts::value<bool>())(
      "use_checkpoint", "compute blocks twice to save memory", cxxopts::value<bool>())(
      "threads", "CPU threads", cxxopts::value<int>()->default_value("2"));
  try {
    run(options.parse(argc, argv));
    return 0;
  } catch (const std::exception& error) {
    std::cerr << "bench_train_throughput: " << error.what() << '\n';
    return 2;
  }
}
