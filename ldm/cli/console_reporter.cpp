#include "ldm/cli/console_reporter.h"

#include <sys/ioctl.h>
#include <unistd.h>

#include <iostream>
#include <sstream>
#include <utility>

namespace ldm::cli {
namespace {

constexpr std::size_t kUsualColumns = 80;
constexpr const char* kClearLine = "\r\x1b[K";

std::size_t columns_of_stderr() {
  struct winsize size {};
  const bool known = ::ioctl(STDERR_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_col > 0;
  return known ? size.ws_col : kUsualColumns;
}

}  // namespace

Console standard_console() {
  return {std::cerr, std::cout, ::isatty(STDERR_FILENO) == 1, &columns_of_stderr};
}

ConsoleReporter::ConsoleReporter(Console console, std::string program, std::function<bool()> interrupted)
    : console_(std::move(console)), program_(std::move(program)), interrupted_(std::move(interrupted)) {}

bool ConsoleReporter::progress(const GenerationProgress& progress) {
  clock_.report(progress, StepClock::Clock::now());
  if (console_.is_terminal) {
    // One column stays free: a full line would make some terminals begin another.
    draw(bar_progress(progress, clock_, console_.terminal_columns() - 1));
  } else if (worth_a_line(progress)) {
    console_.talk << plain_progress(progress, clock_) << std::endl;
  }
  return true;
}

void ConsoleReporter::draw(const std::string& line) {
  if (!console_.is_terminal) return;
  console_.talk << kClearLine << line << std::flush;
  bar_shown_ = true;
}

void ConsoleReporter::truncated(const std::string& prompt, const std::string& unseen) {
  warning("the prompt '" + prompt + "' is longer than the text encoder's limit; it does not see: '" + unseen +
          "'");
}

void ConsoleReporter::warning(const std::string& text) {
  say("warning: " + text);
}

void ConsoleReporter::written(const std::string& path) {
  clear_bar();
  console_.results << path << std::endl;
}

void ConsoleReporter::say(const std::string& text) {
  clear_bar();
  std::istringstream lines(text);
  bool first = true;
  for (std::string line; std::getline(lines, line); first = false) {
    console_.talk << (first ? program_ + ": " : "  ") << line << '\n';
  }
  console_.talk << std::flush;
}

void ConsoleReporter::clear_bar() {
  if (bar_shown_) console_.talk << kClearLine << std::flush;
  bar_shown_ = false;
}

}  // namespace ldm::cli
