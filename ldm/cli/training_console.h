#pragma once

#include <chrono>
#include <cstdint>
#include <string>

#include "ldm/cli/console_reporter.h"
#include "ldm/cli/training_signals.h"
#include "ldm/training/trainer.h"

namespace ldm::cli {

/// Tells a person at a console of a training run, and the run what the signals ask for.
class TrainingConsole : public training::TrainingObserver {
 public:
  TrainingConsole(Console console, TrainingSignals& signals);

  void progress(const training::TrainingProgress& progress) override;
  void said(const std::string& text) override { reporter_.say(text); }
  void warned(const std::string& text) override { reporter_.warning(text); }
  training::Request request() override;

 private:
  using Clock = std::chrono::steady_clock;

  Console console_;
  TrainingSignals& signals_;
  ConsoleReporter reporter_;
  double seconds_left(const training::TrainingProgress& progress) const;

  std::int64_t first_step_ = -1;
  Clock::time_point first_, shown_;
};

/// "epoch 3: step 1250/20000, loss 0.0312, lr 1.00e-03, 61.2 samples/s, ETA 14:05"; no ETA for negative
/// seconds.
std::string training_progress_text(const training::TrainingProgress& progress, double seconds_left);

}  // namespace ldm::cli
