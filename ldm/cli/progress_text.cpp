#include "ldm/cli/progress_text.h"

#include <algorithm>
#include <cstdio>

namespace ldm::cli {
namespace {

constexpr std::size_t kLongestBar = 40;
constexpr std::size_t kShortestBar = 5;

std::string speed(double steps_per_second) {
  char text[32];
  if (steps_per_second <= 0) return "? it/s";
  const bool fast = steps_per_second >= 1;
  std::snprintf(text, sizeof text, fast ? "%.2f it/s" : "%.2f s/it",
                fast ? steps_per_second : 1 / steps_per_second);
  return text;
}

}  // namespace

std::string duration_text(double seconds) {
  const auto whole = static_cast<long long>(seconds + 0.5);
  char text[32];
  if (whole >= 3600) {
    std::snprintf(text, sizeof text, "%lld:%02lld:%02lld", whole / 3600, whole / 60 % 60, whole % 60);
  } else {
    std::snprintf(text, sizeof text, "%lld:%02lld", whole / 60, whole % 60);
  }
  return text;
}

std::string with_bar(const std::string& text, std::uint64_t done, std::uint64_t total, std::size_t width) {
  const std::size_t around = 3;  // two brackets and a space
  if (width < text.size() + around + kShortestBar) return text.substr(0, width);
  const std::size_t length = std::min(kLongestBar, width - text.size() - around);
  const std::size_t filled = length * done / std::max<std::uint64_t>(total, 1);
  return '[' + std::string(filled, '#') + std::string(length - filled, '.') + "] " + text;
}

void StepClock::report(const GenerationProgress& progress, Clock::time_point now) {
  if (progress.step > 0) {
    seconds_ += std::chrono::duration<double>(now - last_).count();
    ++steps_;
  }
  last_ = now;
  left_ = progress.total - progress.done;
}

double StepClock::steps_per_second() const {
  return seconds_ > 0 ? static_cast<double>(steps_) / seconds_ : 0;
}

double StepClock::seconds_left() const {
  return steps_ > 0 ? static_cast<double>(left_) * seconds_ / static_cast<double>(steps_) : -1;
}

std::string plain_progress(const GenerationProgress& progress, const StepClock& clock) {
  const double left = clock.seconds_left();
  return std::string(progress.unit) + ' ' + std::to_string(progress.batch + 1) + "/" +
         std::to_string(progress.batches) + ": step " + std::to_string(progress.step) + "/" +
         std::to_string(progress.steps) + ", " + speed(clock.steps_per_second()) + ", ETA " +
         (left < 0 ? "?" : duration_text(left));
}

std::string bar_progress(const GenerationProgress& progress, const StepClock& clock, std::size_t width) {
  return with_bar(plain_progress(progress, clock), static_cast<std::uint64_t>(progress.done),
                  static_cast<std::uint64_t>(progress.total), width);
}

bool worth_a_line(const GenerationProgress& progress) {
  if (progress.step == 0 || progress.step == progress.steps) return true;
  const auto tenths = [&](std::int64_t step) { return 10 * step / progress.steps; };
  return tenths(progress.step) != tenths(progress.step - 1);
}

}  // namespace ldm::cli
