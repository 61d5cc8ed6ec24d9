#include "ldm/cli/byte_progress.h"

#include <utility>

#include "ldm/cli/interrupts.h"
#include "ldm/cli/progress_text.h"
#include "ldm/weights/report_text.h"

namespace ldm::cli {
namespace {

constexpr const char* kClearLine = "\r\x1b[K";
constexpr std::chrono::milliseconds kBetweenBars{100};

double seconds_between(ByteProgress::Clock::time_point begin, ByteProgress::Clock::time_point end) {
  return std::chrono::duration<double>(end - begin).count();
}

}  // namespace

ByteProgress::ByteProgress(Console console, std::function<bool()> interrupted)
    : console_(std::move(console)), interrupted_(std::move(interrupted)) {}

ByteProgress::~ByteProgress() {
  clear();
}

void ByteProgress::report(std::uint64_t done, std::uint64_t total) {
  if (interrupted_()) throw Interrupted("interrupted; nothing was written");
  const Clock::time_point now = Clock::now();
  if (!console_.is_terminal || (shown_ && now - drawn_ < kBetweenBars)) return;
  // One column stays free: a full line would make some terminals begin another.
  console_.talk << kClearLine
                << with_bar(byte_progress_text(done, total, seconds_between(start_, now)), done, total,
                            console_.terminal_columns() - 1)
                << std::flush;
  drawn_ = now;
  shown_ = true;
}

void ByteProgress::clear() {
  if (shown_) console_.talk << kClearLine << std::flush;
  shown_ = false;
}

std::function<void(std::uint64_t, std::uint64_t)> ByteProgress::callback() {
  return [this](std::uint64_t done, std::uint64_t total) { report(done, total); };
}

std::string byte_progress_text(std::uint64_t done, std::uint64_t total, double seconds) {
  const double rate = seconds > 0 ? static_cast<double>(done) / seconds : 0;
  const double left = rate > 0 ? static_cast<double>(total - done) / rate : -1;
  return weights::bytes_text(done) + " of " + weights::bytes_text(total) + ", " +
         weights::bytes_text(static_cast<std::uint64_t>(rate)) + "/s, ETA " +
         (left < 0 ? "?" : duration_text(left));
}

}  // namespace ldm::cli
