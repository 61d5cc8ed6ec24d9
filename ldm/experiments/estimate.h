#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "ldm/cli/model_session.h"
#include "ldm/experiments/plan.h"

namespace ldm::experiments {

/// What is left of a plan to do, and what it will take.
struct Estimate {
  std::int64_t pictures = 0, steps = 0;
  double seconds = 0;
  std::int64_t memory = 0, memory_available = 0;  ///< bytes at the peak; 0 available where unknown
  /// Pictures of one model, size and guidance are of one kind: how many kinds there are, and of how many the
  /// speed was measured; the others are taken to be as fast in the mean for each pixel.
  std::int64_t kinds = 0, measured = 0;
};

/// Estimates the cells that are not done, by painting two pictures of one and of two steps of each kind (of
/// the first three kinds). Throws what ModelSession throws: a plan whose models cannot be loaded shows here.
Estimate estimate(const Plan& plan, const std::vector<bool>& done, const cli::ReadPicture& read_picture);

}  // namespace ldm::experiments
