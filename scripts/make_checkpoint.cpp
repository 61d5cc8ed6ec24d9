// Writes a checkpoint of a config's model with made-up weights, for tests and demonstrations without a
// download.
#include <ATen/ATen.h>

#include <cxxopts.hpp>
#include <iostream>

#include "ldm/checkpoint/writer.h"
#include "ldm/modules/state.h"
#include "ldm/parity/weight_rule.h"
#include "ldm/pipelines/load_model.h"
#include "ldm/util.h"

namespace {

cxxopts::Options command_line() {
  cxxopts::Options options(
      "make_checkpoint",
      "Writes a checkpoint whose weights are a function of their names: the model that it "
      "holds draws noise,\nbut has the size and the keys of a real one.");
  options.add_options()("h,help", "this text")("config", "YAML of the model", cxxopts::value<std::string>())(
      "salt", "number that changes every weight", cxxopts::value<std::int64_t>()->default_value("0"))(
      "ema", "averages (model_ema.*) beside the weights, as in a training checkpoint")(
      "output", "file to write: .ckpt or .safetensors", cxxopts::value<std::string>());
  return options;
}

std::shared_ptr<torch::nn::Module> build(ldm::config::Config config, bool ema) {
  if (!ema) return ldm::build_inference_model(config, ldm::default_registry());
  config.apply_overrides({"model.params.use_ema=true"});
  return ldm::instantiate_from_config<ldm::DDPMImpl>(config.root().at("model"), ldm::default_registry());
}

/// Whether a tensor of the state dict is a weight: a parameter, or the average of one.
bool is_weight(const ldm::StateEntry& entry) {
  return entry.is_parameter || entry.name.rfind("model_ema.diffusion_model", 0) == 0;
}

std::vector<ldm::checkpoint::NamedTensorSource> sources(torch::nn::Module& model, std::int64_t salt) {
  std::vector<ldm::checkpoint::NamedTensorSource> list;
  for (const ldm::StateEntry& entry : ldm::state_of(model)) {
    const auto make = [entry, salt] {
      return is_weight(entry) ? ldm::parity::rule_tensor(entry.name, entry.tensor.sizes(), salt)
                              : entry.tensor;
    };
    list.push_back({entry.name, entry.tensor.scalar_type(), entry.tensor.sizes().vec(), make});
  }
  return list;
}

bool ends_with(const std::string& text, const std::string& end) {
  return text.size() >= end.size() && text.compare(text.size() - end.size(), end.size(), end) == 0;
}

}  // namespace

int main(int argc, char** argv) {
  auto options = command_line();
  try {
    const auto arguments = options.parse(argc, argv);
    if (arguments.count("help") > 0) {
      std::cout << options.help();
      return 0;
    }
    for (const char* required : {"config", "output"}) {
      if (arguments.count(required) == 0) throw std::invalid_argument(std::string("expected --") + required);
    }
    const auto output = arguments["output"].as<std::string>();
    const auto config = ldm::config::Config::from_file(arguments["config"].as<std::string>());
    const auto model = build(config, arguments.count("ema") > 0);
    const auto tensors = sources(*model, arguments["salt"].as<std::int64_t>());
    if (ends_with(output, ".safetensors")) {
      ldm::checkpoint::write_safetensors(output, tensors);
    } else if (ends_with(output, ".ckpt")) {
      ldm::checkpoint::write_ckpt(output, tensors);
    } else {
      throw std::invalid_argument("expected --output to end in .ckpt or .safetensors, got '" + output + "'");
    }
    std::cerr << "wrote " << output << " (" << tensors.size() << " tensors)\n";
    return 0;
  } catch (const std::exception& error) {
    std::cerr << "make_checkpoint: " << error.what() << '\n';
    return 2;
  }
}
