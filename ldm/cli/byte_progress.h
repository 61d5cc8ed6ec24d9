#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <string>

#include "ldm/cli/console_reporter.h"

namespace ldm::cli {

/// Shows how far a long reading or writing has come: a bar on a terminal, nothing elsewhere.
class ByteProgress {
 public:
  using Clock = std::chrono::steady_clock;

  /// `interrupted` is asked at each report.
  ByteProgress(Console console, std::function<bool()> interrupted);
  ~ByteProgress();
  ByteProgress(const ByteProgress&) = delete;
  ByteProgress& operator=(const ByteProgress&) = delete;

  /// Draws the bar, at most ten times a second. Throws Interrupted if the work is to end.
  void report(std::uint64_t done, std::uint64_t total);
  /// Takes the bar off the terminal.
  void clear();
  /// `report` as a function.
  std::function<void(std::uint64_t done, std::uint64_t total)> callback();

 private:
  Console console_;
  std::function<bool()> interrupted_;
  Clock::time_point start_ = Clock::now(), drawn_;
  bool shown_ = false;
};

/// "1.20 GB of 4.27 GB, 1.05 GB/s, ETA 0:03".
std::string byte_progress_text(std::uint64_t done, std::uint64_t total, double seconds);

}  // namespace ldm::cli
