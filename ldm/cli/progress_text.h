#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <string>

#include "ldm/pipelines/generation.h"

namespace ldm::cli {

/// Time spent in steps so far, from which speed and the time left follow. Time between two batches (text
/// encoding, decoding) does not count.
class StepClock {
 public:
  using Clock = std::chrono::steady_clock;

  /// Tells the clock of a progress report; a report of step 0 begins a batch.
  void report(const GenerationProgress& progress, Clock::time_point now);
  /// 0 before the first step.
  double steps_per_second() const;
  /// Seconds that the steps left take at that speed; negative while it is not known.
  double seconds_left() const;

 private:
  Clock::time_point last_;
  double seconds_ = 0;
  std::int64_t steps_ = 0, left_ = 0;
};

/// "0:14", "1:02:03".
std::string duration_text(double seconds);

/// `text` behind a bar that is filled to done/total, `width` columns in all; the text alone where there is no
/// room for a bar.
std::string with_bar(const std::string& text, std::uint64_t done, std::uint64_t total, std::size_t width);

/// "batch 1/2: step 5/50, 3.21 it/s, ETA 0:14"; seconds for each step where there is less than one a second.
std::string plain_progress(const GenerationProgress& progress, const StepClock& clock);

/// The same with a bar in front that fills `width` columns.
std::string bar_progress(const GenerationProgress& progress, const StepClock& clock, std::size_t width);

/// Whether plain output shows this report: the first, the last and those where another tenth is done.
bool worth_a_line(const GenerationProgress& progress);

}  // namespace ldm::cli
