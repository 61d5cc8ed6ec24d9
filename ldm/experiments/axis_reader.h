#pragma once

#include <optional>
#include <vector>

#include "ldm/experiments/setting_reader.h"

namespace ldm::experiments {

/// The axes of the key `axes`: each of `cross` by itself, those of a `zip` together. None for an undefined
/// node. Throws config::ConfigError.
std::vector<AxisGroup> read_axes(GenerationKind kind, const config::Node& axes, OptionPlaces& places);

/// The key `filters`, by the experiment's models, prompts, seeds and axes, which have been read. None for an
/// undefined node. Throws config::ConfigError.
std::vector<Filter> read_filters(const Experiment& experiment, const config::Node& filters);

/// The key `compare`, likewise.
std::optional<Comparison> read_comparison(const Experiment& experiment, const config::Node& compare);

}  // namespace ldm::experiments
