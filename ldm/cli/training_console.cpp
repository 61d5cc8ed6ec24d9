#include "ldm/cli/training_console.h"

#include <cstdio>

#include "ldm/cli/progress_text.h"

namespace ldm::cli {
namespace {

constexpr double kSecondsBetweenBars = 0.1;
constexpr double kSecondsBetweenLines = 30;

}  // namespace

std::string training_progress_text(const training::TrainingProgress& progress, double seconds_left) {
  char text[160];
  std::snprintf(text, sizeof text, "epoch %lld: step %lld/%lld, loss %.4f, lr %.2e, %.1f samples/s",
                static_cast<long long>(progress.epoch), static_cast<long long>(progress.global_step),
                static_cast<long long>(progress.max_steps), progress.loss, progress.learning_rate,
                progress.samples_per_second);
  return text + (seconds_left < 0 ? "" : ", ETA " + duration_text(seconds_left));
}

TrainingConsole::TrainingConsole(Console console, TrainingSignals& signals)
    : console_(console), signals_(signals), reporter_(console, "train", [] { return false; }) {}

double TrainingConsole::seconds_left(const training::TrainingProgress& progress) const {
  const std::int64_t done = progress.global_step - first_step_;
  if (done <= 0) return -1;
  const double seconds = std::chrono::duration<double>(Clock::now() - first_).count();
  return seconds / static_cast<double>(done) * static_cast<double>(progress.max_steps - progress.global_step);
}

void TrainingConsole::progress(const training::TrainingProgress& progress) {
  const Clock::time_point now = Clock::now();
  const bool begins = first_step_ < 0;
  if (begins) {
    first_step_ = progress.global_step;
    first_ = now;
  }
  const double pause = console_.is_terminal ? kSecondsBetweenBars : kSecondsBetweenLines;
  const bool ends = progress.global_step == progress.max_steps;
  if (!begins && !ends && std::chrono::duration<double>(now - shown_).count() < pause) return;
  shown_ = now;
  const std::string text = training_progress_text(progress, seconds_left(progress));
  if (!console_.is_terminal) return reporter_.say(text);
  reporter_.draw(with_bar(text, static_cast<std::uint64_t>(progress.global_step),
                          static_cast<std::uint64_t>(progress.max_steps), console_.terminal_columns() - 1));
}

training::Request TrainingConsole::request() {
  if (signals_.wants_to_stop()) return training::Request::stop;
  return signals_.take_checkpoint_request() ? training::Request::checkpoint : training::Request::none;
}

}  // namespace ldm::cli
