#include "ldm/lr_scheduler.h"

#include <algorithm>
#include <cmath>
#include <sstream>
#include <stdexcept>
#include <string>

namespace ldm {
namespace {

constexpr double kPi = 3.14159265358979323846;

// The order of operations is the reference's, so that the last bit agrees.
double warm_up(double start, double max, std::int64_t steps, std::int64_t n) {
  return (max - start) / static_cast<double>(steps) * static_cast<double>(n) + start;
}

double cosine(double min, double max, std::int64_t n, std::int64_t from, std::int64_t to) {
  const double t = std::min(static_cast<double>(n - from) / static_cast<double>(to - from), 1.0);
  return min + 0.5 * (max - min) * (1 + std::cos(t * kPi));
}

void check_step(std::int64_t step) {
  if (step < 0) {
    throw std::out_of_range("learning-rate scheduler: expected a step of at least 0, got " +
                            std::to_string(step));
  }
}

void check_warm_up(const std::string& name, std::int64_t steps) {
  if (steps < 0) {
    throw std::invalid_argument(name + ": expected at least 0, got " + std::to_string(steps));
  }
}

void check_lengths(const LambdaWarmUpCosineScheduler2::Options& options) {
  const std::size_t n = options.cycle_lengths.size();
  const bool same = options.warm_up_steps.size() == n && options.f_min.size() == n &&
                    options.f_max.size() == n && options.f_start.size() == n;
  if (same && n > 0) {
    return;
  }
  std::ostringstream message;
  message << "learning-rate scheduler: expected one value per cycle (and at least one) in every list, got "
          << "warm_up_steps " << options.warm_up_steps.size() << ", f_min " << options.f_min.size()
          << ", f_max " << options.f_max.size() << ", f_start " << options.f_start.size()
          << ", cycle_lengths " << n;
  throw std::invalid_argument(message.str());
}

std::vector<std::int64_t> running_sum(const std::vector<std::int64_t>& lengths) {
  std::vector<std::int64_t> ends;
  std::int64_t end = 0;
  for (std::size_t i = 0; i < lengths.size(); ++i) {
    const std::string name = "cycle_lengths[" + std::to_string(i) + "]";
    if (lengths[i] < 1) {
      throw std::invalid_argument(name + ": expected at least 1, got " + std::to_string(lengths[i]));
    }
    if (__builtin_add_overflow(end, lengths[i], &end)) {
      throw std::invalid_argument(name + ": expected a sum of cycles below 2^63, got one above it");
    }
    ends.push_back(end);
  }
  return ends;
}

}  // namespace

LambdaWarmUpCosineScheduler::LambdaWarmUpCosineScheduler(const Options& options) : options_(options) {
  check_warm_up("warm_up_steps", options.warm_up_steps);
  if (options.max_decay_steps == options.warm_up_steps) {
    throw std::invalid_argument("max_decay_steps: expected another number than warm_up_steps, got " +
                                std::to_string(options.max_decay_steps) + " for both");
  }
}

double LambdaWarmUpCosineScheduler::operator()(std::int64_t step) const {
  check_step(step);
  const Options& o = options_;
  if (step < o.warm_up_steps) {
    return warm_up(o.lr_start, o.lr_max, o.warm_up_steps, step);
  }
  return cosine(o.lr_min, o.lr_max, step, o.warm_up_steps, o.max_decay_steps);
}

LambdaWarmUpCosineScheduler2::LambdaWarmUpCosineScheduler2(const Options& options)
    : LambdaWarmUpCosineScheduler2(options, Decay::cosine) {}

LambdaWarmUpCosineScheduler2::LambdaWarmUpCosineScheduler2(const Options& options, Decay decay)
    : options_(options), decay_(decay) {
  check_lengths(options);
  ends_ = running_sum(options.cycle_lengths);
  for (std::size_t i = 0; i < ends_.size(); ++i) {
    const std::int64_t steps = options.warm_up_steps[i];
    check_warm_up("warm_up_steps[" + std::to_string(i) + "]", steps);
    if (decay == Decay::cosine && steps == options.cycle_lengths[i]) {
      throw std::invalid_argument("cycle_lengths[" + std::to_string(i) +
                                  "]: expected another number than the cycle's warm_up_steps, got " +
                                  std::to_string(steps) + " for both");
    }
  }
}

double LambdaWarmUpCosineScheduler2::operator()(std::int64_t step) const {
  check_step(step);
  const auto end = std::lower_bound(ends_.begin(), ends_.end(), step);
  if (end == ends_.end()) {
    throw std::out_of_range("learning-rate scheduler: expected a step of at most " +
                            std::to_string(ends_.back()) + " (the sum of cycle_lengths), got " +
                            std::to_string(step) + "; lengthen the last cycle or train fewer steps");
  }
  const auto cycle = static_cast<std::size_t>(end - ends_.begin());
  const std::int64_t n = step - (cycle == 0 ? 0 : ends_[cycle - 1]);
  if (n < options_.warm_up_steps[cycle]) {
    return warm_up(options_.f_start[cycle], options_.f_max[cycle], options_.warm_up_steps[cycle], n);
  }
  return decayed(cycle, n);
}

double LambdaWarmUpCosineScheduler2::decayed(std::size_t cycle, std::int64_t step) const {
  const double min = options_.f_min[cycle], max = options_.f_max[cycle];
  const std::int64_t length = options_.cycle_lengths[cycle];
  if (decay_ == Decay::cosine) {
    return cosine(min, max, step, options_.warm_up_steps[cycle], length);
  }
  return min + (max - min) * static_cast<double>(length - step) / static_cast<double>(length);
}

LambdaLinearScheduler::LambdaLinearScheduler(const Options& options)
    : LambdaWarmUpCosineScheduler2(options, Decay::linear) {}

}  // namespace ldm
