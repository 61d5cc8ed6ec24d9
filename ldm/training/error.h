#pragma once

#include <stdexcept>

namespace ldm::training {

/// A training run that cannot begin or go on: a loss that is no number, a checkpoint that does not fit the
/// run. The message says what was expected, what was found, and what to do.
class TrainingError : public std::runtime_error {
 public:
  using std::runtime_error::runtime_error;
};

}  // namespace ldm::training
