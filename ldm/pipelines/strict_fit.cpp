#include "ldm/pipelines/strict_fit.h"

#include <algorithm>
#include <sstream>
#include <unordered_set>

#include "ldm/pipelines/load_model.h"
#include "ldm/weights/sd_keys.h"

namespace ldm {
namespace {

using weights::Finding;
using weights::FindingKind;

std::string shape_text(at::IntArrayRef sizes) {
  std::ostringstream text;
  text << sizes;
  return text.str();
}

/// Holds the weights against the model, once for each set that they have.
class StrictFit {
 public:
  StrictFit(const checkpoint::StateDict& state, torch::nn::Module& model)
      : state_(state), entries_(state_of(model)) {}

  std::vector<Finding> run() {
    const auto& names = state_.names();
    const bool averages = std::any_of(names.begin(), names.end(),
                                      [](const std::string& name) { return weights::is_average(name); });
    const bool trained = std::any_of(names.begin(), names.end(), [](const std::string& name) {
      return weights::part_of(name) == weights::ModelPart::unet;
    });
    if (trained || !averages) check_set(false);
    if (averages) check_set(true);
    for (const std::string& name : names) {
      if (known_.count(name) != 0 || is_counter(name)) continue;
      findings_.push_back({FindingKind::unexpected, name, "expected a name of the model, got one it lacks"});
    }
    return std::move(findings_);
  }

 private:
  static bool is_counter(const std::string& name) {
    return weights::part_of(name) == weights::ModelPart::ema && !weights::is_average(name);
  }

  void check_set(bool averages) {
    for (const StateEntry& entry : entries_) {
      const std::string key = checkpoint_key(entry, averages);
      if (!known_.insert(key).second) continue;  // what both sets share was looked at
      if (!state_.contains(key)) {
        // Buffers follow from the config and are computed where the file lacks them.
        if (entry.is_parameter) {
          findings_.push_back(
              {FindingKind::missing, key,
               "expected " + shape_text(entry.tensor.sizes()) + ", got no tensor of this name"});
        }
        continue;
      }
      compare(key, entry);
    }
  }

  void compare(const std::string& key, const StateEntry& entry) {
    const checkpoint::TensorInfo& info = state_.info(key);
    if (at::IntArrayRef(info.sizes) != entry.tensor.sizes()) {
      findings_.push_back(
          {FindingKind::shape, key,
           "expected " + shape_text(entry.tensor.sizes()) + ", got " + shape_text(info.sizes)});
    }
    if (entry.is_parameter && !c10::isFloatingType(info.dtype)) {
      findings_.push_back({FindingKind::type, key,
                           std::string("expected floating point numbers, got ") + c10::toString(info.dtype)});
    }
  }

  const checkpoint::StateDict& state_;
  std::vector<StateEntry> entries_;
  std::unordered_set<std::string> known_;
  std::vector<Finding> findings_;
};

}  // namespace

std::vector<Finding> find_misfits(const checkpoint::StateDict& state, const config::Config& config) {
  const auto model = build_inference_model(config, default_registry());
  return StrictFit(state, *model).run();
}

}  // namespace ldm
