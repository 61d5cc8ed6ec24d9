#pragma once

#include <vector>

#include "ldm/checkpoint/state_dict.h"
#include "ldm/config/config.h"
#include "ldm/weights/verification.h"

namespace ldm {

/// Whether weights (as weights::open_weights gives them) are just those of a config's model: what the model
/// needs and the weights lack, what is there and the model does not know, and what is of another shape or of
/// another kind of numbers. Of weights with averages both sets are held against the model. No finding are:
/// buffers that the model computes itself where the file lacks them, and LitEma's counters. Reads no weights.
/// Throws config::ConfigError.
std::vector<weights::Finding> find_misfits(const checkpoint::StateDict& state, const config::Config& config);

}  // namespace ldm
