#pragma once

#include <functional>
#include <map>
#include <memory>
#include <string>
#include <tuple>
#include <utility>

#include "ldm/config/params.h"

namespace ldm {

namespace data {
class Dataset;
}
class ConditioningStage;
class DDPMImpl;
class DiffusionNetwork;
class FirstStage;
class LrScheduler;
class Module;
class Registry;

/// Builds an object of a role from its `params`; inner configs are built through the registry.
template <typename Role>
using Builder = std::function<std::shared_ptr<Role>(config::Params&, const Registry&)>;

/// Which dotted target of the reference builds what, for each role that a config can fill:
/// DDPMImpl (a whole diffusion model), DiffusionNetwork, FirstStage, ConditioningStage, LrScheduler, Module
/// (a loss) and data::Dataset.
class Registry {
 public:
  template <typename Role>
  void add(const std::string& target, Builder<Role> builder) {
    std::get<Targets<Role>>(roles_)[target] = std::move(builder);
  }
  /// The targets of one role, by name.
  template <typename Role>
  const std::map<std::string, Builder<Role>>& targets() const {
    return std::get<Targets<Role>>(roles_);
  }

 private:
  template <typename Role>
  using Targets = std::map<std::string, Builder<Role>>;
  std::tuple<Targets<DDPMImpl>, Targets<DiffusionNetwork>, Targets<FirstStage>, Targets<ConditioningStage>,
             Targets<LrScheduler>, Targets<Module>, Targets<data::Dataset>>
      roles_;
};

/// Everything this library can build, but for datasets: add_datasets (ldm/dataset_builders.h) adds those.
Registry default_registry();

}  // namespace ldm
