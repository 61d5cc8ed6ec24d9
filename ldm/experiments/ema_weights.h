#pragma once

#include <vector>

#include "ldm/experiments/results.h"

namespace ldm::experiments {

/// Of each checkpoint that the plan's cells use: how far its averaged weights are from the trained ones,
/// block by block. Reads both; a checkpoint without averages gets a remark in place of blocks. Throws
/// checkpoint::CheckpointError for damaged files.
std::vector<WeightsResult> ema_weights(const Plan& plan);

}  // namespace ldm::experiments
