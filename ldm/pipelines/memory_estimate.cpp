#include "ldm/pipelines/memory_estimate.h"

#include <algorithm>
#include <fstream>
#include <limits>
#include <string>

namespace ldm {
namespace {

// Maps of the widest place's size that are alive at once, with what the libraries reorder for themselves.
// Measured with v1 in float32 on the CPU at 512x512: 4.8 GiB for one picture (the decoder), 6.7 GiB for four
// (the UNet).
constexpr std::int64_t kUNetMaps = 32;
constexpr std::int64_t kFirstStageMaps = 4;
constexpr std::int64_t kLibraries = std::int64_t{300} << 20;  // what LibTorch itself takes

std::vector<std::int64_t> multiples(const config::Node& node, const std::string& base,
                                    const std::string& factors, std::int64_t otherwise) {
  if (!node.has(base) || !node.has(factors)) return {otherwise};
  std::vector<std::int64_t> channels;
  for (const config::Node& factor : node.at(factors).items()) {
    channels.push_back(node.at(base).as_integer() * factor.as_integer());
  }
  return channels;
}

/// The node at a path of keys; undefined as soon as one is missing.
config::Node descend(config::Node node, std::initializer_list<const char*> keys) {
  for (const char* key : keys) node = node.find(key);
  return node;
}

std::int64_t bytes_of_value(Precision precision) {
  return precision == Precision::half || precision == Precision::bf16 ? 2 : 4;
}

/// Values of the widest place of a network, for one input of `area` positions.
std::int64_t widest(const std::vector<std::int64_t>& levels, std::int64_t area) {
  std::int64_t most = 0;
  for (std::size_t i = 0; i < levels.size(); ++i) {
    // The way up brings the channels of the level below to this one's size.
    const std::int64_t channels = std::max(levels[i], levels[std::min(i + 1, levels.size() - 1)]);
    most = std::max(most, channels * std::max<std::int64_t>(area >> (2 * i), 1));
  }
  return most;
}

/// Values that the UNet keeps for its way up: one map for each block and each change of level.
std::int64_t skips(const ModelDimensions& model, std::int64_t area) {
  std::int64_t values = 0;
  for (std::size_t i = 0; i < model.unet_levels.size(); ++i) {
    values += (model.unet_blocks + 1) * model.unet_levels[i] * std::max<std::int64_t>(area >> (2 * i), 1);
  }
  return values;
}

/// The number in a file that holds just one ("max" and what cannot be read are none).
std::int64_t number_in(const std::string& path) {
  std::ifstream file(path);
  std::int64_t number = 0;
  return file >> number ? number : std::numeric_limits<std::int64_t>::max();
}

std::int64_t kernels_figure() {
  std::ifstream file("/proc/meminfo");
  std::string name;
  for (std::int64_t kibibytes = 0; file >> name >> kibibytes; file.ignore(64, '\n')) {
    if (name == "MemAvailable:") return kibibytes << 10;
  }
  return 0;
}

}  // namespace

ModelDimensions dimensions_of(const config::Config& config, const torch::nn::Module& model) {
  const config::Node params = config.root().at("model").find("params");
  ModelDimensions dimensions;
  for (const at::Tensor& parameter : model.parameters()) dimensions.parameters += parameter.numel();
  dimensions.latent_channels = params.find("channels").defined() ? params.at("channels").as_integer() : 3;
  const config::Node unet = descend(params, {"unet_config", "params"});
  dimensions.unet_levels = multiples(unet, "model_channels", "channel_mult", dimensions.latent_channels);
  if (unet.has("num_res_blocks")) dimensions.unet_blocks = unet.at("num_res_blocks").as_integer();
  const config::Node stage = descend(params, {"first_stage_config", "params", "ddconfig"});
  dimensions.first_stage_levels = multiples(stage, "ch", "ch_mult", dimensions.latent_channels);
  dimensions.image_factor = std::int64_t{1} << (dimensions.first_stage_levels.size() - 1);
  return dimensions;
}

MemoryEstimate estimate_memory(const ModelDimensions& model, data::Size image, std::int64_t rows,
                               Precision precision, c10::Device device) {
  const std::int64_t value = bytes_of_value(precision);
  const bool half_copies = device.is_cuda() && precision == Precision::autocast;
  const std::int64_t latent_area = image.height / model.image_factor * (image.width / model.image_factor);
  MemoryEstimate estimate;
  estimate.weights = model.parameters * (half_copies ? 6 : value) + kLibraries;
  estimate.sampling =
      rows * value * (skips(model, latent_area) + kUNetMaps * widest(model.unet_levels, latent_area));
  estimate.first_stage =
      value * kFirstStageMaps * widest(model.first_stage_levels, image.height * image.width);
  return estimate;
}

std::int64_t available_memory(const Device& device) {
  if (device.cuda) return memory_info(device).free;
  const std::int64_t limit = number_in("/sys/fs/cgroup/memory.max");
  const std::int64_t used = number_in("/sys/fs/cgroup/memory.current");
  const std::int64_t kernel = kernels_figure();
  return limit < std::numeric_limits<std::int64_t>::max() && used <= limit ? std::min(kernel, limit - used)
                                                                           : kernel;
}

}  // namespace ldm
