#pragma once

#include <cstdint>
#include <vector>

namespace ldm {

/// A learning-rate multiplier as a function of the training step. The optimiser's rate at step n is its base
/// rate times scheduler(n). Stateless once built, so it may be shared between threads.
class LrScheduler {
 public:
  virtual ~LrScheduler() = default;
  /// Multiplier at `step` >= 0. Throws std::out_of_range for a negative step.
  virtual double operator()(std::int64_t step) const = 0;
};

/// The reference's LambdaWarmUpCosineScheduler: linear from lr_start to lr_max over warm_up_steps, then half
/// a cosine down to lr_min at max_decay_steps, constant after it. For a base rate of 1.
class LambdaWarmUpCosineScheduler : public LrScheduler {
 public:
  struct Options {
    std::int64_t warm_up_steps = 0;
    double lr_min = 0;
    double lr_max = 0;
    double lr_start = 0;
    std::int64_t max_decay_steps = 0;
    /// Accepted for the sake of old configs; the reference printed every so many steps, this does not.
    std::int64_t verbosity_interval = 0;
  };
  /// Throws std::invalid_argument for a negative warm-up and when max_decay_steps equals warm_up_steps (the
  /// reference divides by zero there).
  explicit LambdaWarmUpCosineScheduler(const Options& options);
  double operator()(std::int64_t step) const override;

 private:
  Options options_;
};

/// The reference's LambdaWarmUpCosineScheduler2: as the one above, in cycles. Cycle i lasts cycle_lengths[i]
/// steps: linear from f_start[i] to f_max[i] over warm_up_steps[i], then half a cosine to f_min[i]. The step
/// that ends a cycle belongs to it, not to the next. For a base rate of 1.
class LambdaWarmUpCosineScheduler2 : public LrScheduler {
 public:
  struct Options {
    std::vector<std::int64_t> warm_up_steps;
    std::vector<double> f_min, f_max, f_start;
    std::vector<std::int64_t> cycle_lengths;
    /// Accepted for the sake of old configs; the reference printed every so many steps, this does not.
    std::int64_t verbosity_interval = 0;
  };
  /// Throws std::invalid_argument for lists that are empty or of different lengths, for a cycle shorter than
  /// one step, a negative warm-up, a sum of cycles beyond 64 bits, and a cycle that is all warm-up (the
  /// reference divides by zero there).
  explicit LambdaWarmUpCosineScheduler2(const Options& options);
  /// Throws std::out_of_range for a step beyond the last cycle, where the reference fails with a TypeError.
  double operator()(std::int64_t step) const override;

 protected:
  enum class Decay { cosine, linear };
  LambdaWarmUpCosineScheduler2(const Options& options, Decay decay);

 private:
  double decayed(std::size_t cycle, std::int64_t step) const;

  Options options_;
  Decay decay_;
  std::vector<std::int64_t> ends_;  // the running sum of cycle_lengths
};

/// The reference's LambdaLinearScheduler: the cycles above with a straight line in place of the cosine. The
/// line runs over the whole cycle, warm-up included, so it starts below f_max where there is a warm-up.
class LambdaLinearScheduler : public LambdaWarmUpCosineScheduler2 {
 public:
  /// Throws as its base; a cycle that is all warm-up is fine here.
  explicit LambdaLinearScheduler(const Options& options);
};

}  // namespace ldm
