#pragma once

#include <stdexcept>

namespace ldm::training {

/// A training run that cannot begin or go on; one of the two below. The message says what was expected, what
/// was found, and what to do.
class TrainingError : public std::runtime_error {
 public:
  using std::runtime_error::runtime_error;
};

/// A file of weights or a checkpoint that does not fit the run: tensors that are missing or of another shape.
class UnfitError : public TrainingError {
 public:
  using TrainingError::TrainingError;
};

/// A loss, a gradient or a weight that became NaN or infinite.
class NonFiniteError : public TrainingError {
 public:
  using TrainingError::TrainingError;
};

}  // namespace ldm::training
