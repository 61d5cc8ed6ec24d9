#include "ldm/experiments/cell_identity.h"

#include <ATen/Version.h>

#include <algorithm>
#include <filesystem>
#include <vector>

#include <nlohmann/json.hpp>

#include "ldm/config/config.h"
#include "ldm/config/yaml_writer.h"
#include "ldm/data/generation_parameters.h"
#include "ldm/pipelines/project_files.h"
#include "ldm/weights/file_hash.h"
#include "ldm/weights/sha256.h"

namespace ldm::experiments {
namespace {

namespace fs = std::filesystem;

constexpr std::size_t kKeyDigits = 24;

/// All files below a folder, by their names from there.
std::vector<std::string> files_below(const fs::path& folder) {
  std::vector<std::string> names;
  for (const fs::directory_entry& entry : fs::recursive_directory_iterator(folder)) {
    if (entry.is_regular_file()) names.push_back(entry.path().lexically_relative(folder).string());
  }
  std::sort(names.begin(), names.end());
  return names;
}

/// A file, or a folder of several with the names that they have there. The list of a file in pieces (.json)
/// stands for its folder.
std::string hash_of_weights(const fs::path& path) {
  if (!fs::is_directory(path) && path.extension() != ".json") return weights::hash_of(path.string()).sha256;
  const fs::path folder = fs::is_directory(path) ? path : fs::absolute(path).parent_path();
  std::string list;
  for (const std::string& name : files_below(folder)) {
    list += weights::hash_of((folder / name).string()).sha256 + "  " + name + "\n";
  }
  return weights::sha256_of(list);
}

std::string hash_of_config(const ModelOptions& model) {
  config::Config config = config::Config::from_file(find_project_file(model.config));
  config.apply_overrides(model.overrides);
  return weights::sha256_of(config::to_yaml(config.root()));
}

/// What `inputs` of two cells depend on.
std::string input_names(const Cell& cell) {
  const ModelOptions& model = cell.options.model;
  nlohmann::json names{model.config, model.ckpt, model.ema_ckpt, cell.options.init_img};
  for (const std::string& text : model.overrides) names.push_back(text);
  return names.dump(-1, ' ', false, nlohmann::json::error_handler_t::replace);
}

}  // namespace

const std::string& CellIdentity::content_hash(const std::string& path) {
  std::string& hash = files_[path];
  if (hash.empty()) hash = hash_of_weights(path);
  return hash;
}

const InputHashes& CellIdentity::hashes(const Cell& cell) {
  const std::string names = input_names(cell);
  const auto known = inputs_.find(names);
  if (known != inputs_.end()) return known->second;
  const ModelOptions& model = cell.options.model;
  InputHashes hashes;
  hashes.checkpoint = content_hash(find_checkpoint(model.ckpt));
  if (!model.ema_ckpt.empty()) hashes.ema_checkpoint = content_hash(model.ema_ckpt);
  if (!cell.options.init_img.empty()) hashes.picture = content_hash(cell.options.init_img);
  hashes.config = hash_of_config(model);
  return inputs_.emplace(names, std::move(hashes)).first->second;
}

std::string CellIdentity::key(const Cell& cell) {
  const GenerationOptions& o = cell.options;
  const InputHashes& inputs = hashes(cell);
  const bool from_image = o.kind == GenerationKind::img2img;
  nlohmann::json what{{"library", data::GenerationParameters::library_version()},
                      {"instructions", at::get_cpu_capability()},
                      {"device", o.model.device},
                      {"threads", o.model.threads},
                      {"precision", o.model.precision},
                      {"ema", o.model.ema},
                      {"checkpoint", inputs.checkpoint},
                      {"ema_checkpoint", inputs.ema_checkpoint},
                      {"config", inputs.config},
                      {"from_image", from_image},
                      {"prompt", o.prompt},
                      {"negative_prompt", o.negative_prompt},
                      {"sampler", chosen_sampler(o)},
                      {"steps", o.ddim_steps},
                      {"eta", o.ddim_eta},
                      {"scale", o.scale},
                      {"channels", o.C},
                      {"seed", o.seed},
                      {"batch", batch_}};
  if (from_image) {
    what.update({{"picture", inputs.picture}, {"strength", o.strength}, {"side", o.model.picture_side}});
  } else {
    what.update({{"height", o.H}, {"width", o.W}, {"factor", o.f}});
  }
  return weights::sha256_of(what.dump(-1, ' ', false, nlohmann::json::error_handler_t::replace))
      .substr(0, kKeyDigits);
}

std::vector<std::string> CellIdentity::keys(const Plan& plan) {
  std::vector<std::string> keys;
  for (const Cell& cell : plan.cells) keys.push_back(key(cell));
  return keys;
}

}  // namespace ldm::experiments
