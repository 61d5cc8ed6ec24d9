#include "ldm/weights/open_weights.h"

#include <algorithm>
#include <filesystem>
#include <system_error>
#include <vector>

#include "ldm/checkpoint/error.h"
#include "ldm/checkpoint/open_checkpoint.h"
#include "ldm/weights/diffusers_folder.h"
#include "ldm/weights/key_spelling.h"
#include "ldm/weights/sd_keys.h"

namespace ldm::weights {
namespace {

using checkpoint::StateDict;
using checkpoint::TensorAlias;

StateDict open_one(const std::string& path, checkpoint::MmapChoice mmap) {
  std::error_code ignored;
  if (std::filesystem::is_directory(path, ignored)) return open_diffusers_folder(path, mmap);
  return in_reference_spelling(checkpoint::open_checkpoint(path, mmap));
}

/// What `averages` has to give as `model_ema.*`.
std::vector<TensorAlias> averages_of(const StateDict& averages) {
  std::vector<TensorAlias> aliases;
  const auto& names = averages.names();
  const bool has_averages = std::any_of(names.begin(), names.end(), is_average);
  for (const std::string& name : names) {
    const ModelPart part = part_of(name);
    if (has_averages && part == ModelPart::ema) aliases.push_back({name, averages, name, {}});
    if (!has_averages && part == ModelPart::unet) aliases.push_back({ema_name_of(name), averages, name, {}});
  }
  if (!aliases.empty()) return aliases;
  throw checkpoint::CheckpointError(
      "'" + averages.path() +
      "': expected averages (model_ema.*), or a UNet that is taken as such, got "
      "neither among " +
      std::to_string(names.size()) + " tensors");
}

StateDict with_averages(const StateDict& state, const StateDict& averages) {
  std::vector<TensorAlias> aliases;
  for (const std::string& name : state.names()) {
    if (part_of(name) != ModelPart::ema) aliases.push_back({name, state, name, {}});
  }
  for (TensorAlias& alias : averages_of(averages)) aliases.push_back(std::move(alias));
  return view_of(state.path(), state.format(), aliases, state.metadata());
}

}  // namespace

StateDict open_weights(const std::string& path, const WeightsOptions& options) {
  StateDict state = open_one(path, options.mmap);
  if (options.ema_path.empty()) return state;
  return with_averages(state, open_one(options.ema_path, options.mmap));
}

}  // namespace ldm::weights
