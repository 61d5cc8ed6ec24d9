#pragma once

#include <string>
#include <vector>

#include "ldm/experiments/plan.h"
#include "ldm/experiments/results.h"

namespace ldm::testing {

/// An experiment from the text of its file.
experiments::Experiment read_text(const std::string& yaml, const std::vector<std::string>& overrides = {});

/// The plan of an experiment on the small model of the goldens (config and a file that stands for its weights
/// are there; its weights are never loaded): `yaml` without the key 'model'.
experiments::Plan plan_of(const std::string& yaml, std::int64_t limit = 0);

/// Results of all cells of a plan, with pictures [size, size, 3] in a new folder: picture k is of the one
/// colour k.
experiments::Results painted(const experiments::Plan& plan, std::int64_t size = 16);

}  // namespace ldm::testing
