#include "ldm/experiments/model_reader.h"

#include <filesystem>
#include <set>

#include "ldm/experiments/option_names.h"
#include "ldm/pipelines/demo_model.h"

namespace ldm::experiments {
namespace {

using config::Node;

std::vector<Setting> demo_settings(GenerationKind kind) {
  const std::string side = std::to_string(DemoModel::side);
  std::vector<Setting> settings{
      {"config", DemoModel::config}, {"ckpt", DemoModel::ckpt}, {"f", std::to_string(DemoModel::f)}};
  if (kind == GenerationKind::img2img) {
    settings.push_back({"picture-side", side});
  } else {
    settings.push_back({"H", side});
    settings.push_back({"W", side});
  }
  return settings;
}

/// v1 is what the programs take by themselves.
std::vector<Setting> named_base(GenerationKind kind, const Node& node) {
  const std::string name = node.as_written();
  if (name == "v1") return {};
  if (name == "demo") return demo_settings(kind);
  node.fail("expected the name of a base (demo or v1) or a map of settings, got '" + name + "'");
}

/// "model" for "models/ldm/demo/model.ckpt", and a folder's name for a folder.
std::string name_of_weights(const std::vector<Setting>& settings) {
  std::string ckpt = ModelOptions().ckpt;
  for (const Setting& setting : settings) {
    if (setting.name == "ckpt") ckpt = setting.value;
  }
  std::filesystem::path path(ckpt);
  if (!path.has_filename()) path = path.parent_path();
  // "model.ckpt" says less than the folder that it lies in.
  const bool is_plain = path.stem() == "model" && path.has_parent_path();
  const std::string name = is_plain ? path.parent_path().filename().string() : path.stem().string();
  return name.empty() ? "model" : name;
}

}  // namespace

std::vector<Setting> read_base_model(GenerationKind kind, const Node& model) {
  if (!model.defined()) return {};
  if (!model.is_map()) return named_base(kind, model);
  std::vector<Setting> settings;
  if (model.has("base")) settings = named_base(kind, model.at("base"));
  for (const Setting& setting : settings_at(kind, model, "base")) put(settings, setting);
  return settings;
}

std::vector<ModelChoice> read_models(GenerationKind kind, const Node& models,
                                     const std::vector<Setting>& common, OptionPlaces& places) {
  if (!models.defined()) return {{name_of_weights(common), {}}};
  std::vector<ModelChoice> all;
  std::set<std::string> names;
  for (const Node& item : items_of(models)) {
    const Node name = item.at("name");
    ModelChoice model{line_at(name), settings_at(kind, item, "name")};
    if (!names.insert(model.name).second) {
      name.fail("expected each model under a name of its own, got '" + model.name + "' a second time");
    }
    for (const Setting& setting : model.settings) claim_option(places, item, setting.name, "models");
    all.push_back(std::move(model));
  }
  return all;
}

}  // namespace ldm::experiments
