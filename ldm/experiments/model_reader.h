#pragma once

#include <string>
#include <vector>

#include "ldm/experiments/setting_reader.h"

namespace ldm::experiments {

/// What all models of an experiment have in common: of the key `model`, a base's name ("demo", "v1") or a map
/// of settings in which `base` may stand, too. v1 for an undefined node. Throws config::ConfigError.
std::vector<Setting> read_base_model(GenerationKind kind, const config::Node& model);

/// The models of the key `models`, of which each has its name and what differs from `common`; for an
/// undefined node one, named after its weights' file. Throws config::ConfigError.
std::vector<ModelChoice> read_models(GenerationKind kind, const config::Node& models,
                                     const std::vector<Setting>& common, OptionPlaces& places);

}  // namespace ldm::experiments
