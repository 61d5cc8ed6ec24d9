#include "ldm/cli/console_reporter.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <sstream>

namespace ldm::cli {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

struct Talk {
  explicit Talk(bool terminal)
      : reporter({talk, results, terminal, [] { return std::size_t{80}; }}, "paint",
                 [this] { return stop; }) {}
  std::ostringstream talk, results;
  bool stop = false;
  ConsoleReporter reporter;
};

void run_ten_steps(GenerationObserver& observer) {
  for (std::int64_t step = 0; step <= 10; ++step) observer.progress({0, 1, step, 10, step, 10});
}

TEST(ConsoleReporter, PlainOutputHasNoControlCharacters) {
  Talk talk(false);
  run_ten_steps(talk.reporter);
  const std::string text = talk.talk.str();
  EXPECT_EQ(std::count(text.begin(), text.end(), '\n'), 11);
  EXPECT_THAT(text, Not(HasSubstr("\r")));
  EXPECT_THAT(text, Not(HasSubstr("\x1b")));
}

TEST(ConsoleReporter, ATerminalGetsOneLineRedrawn) {
  Talk talk(true);
  run_ten_steps(talk.reporter);
  const std::string text = talk.talk.str();
  EXPECT_EQ(std::count(text.begin(), text.end(), '\n'), 0);
  EXPECT_EQ(std::count(text.begin(), text.end(), '\r'), 11);
}

TEST(ConsoleReporter, TheBarIsGoneBeforeOtherText) {
  Talk talk(true);
  talk.reporter.progress({0, 1, 0, 1, 0, 1});
  talk.reporter.written("a.png");
  EXPECT_THAT(talk.talk.str(), ::testing::EndsWith("\r\x1b[K"));
  EXPECT_EQ(talk.results.str(), "a.png\n");
}

TEST(ConsoleReporter, LinesAfterTheFirstAreIndented) {
  Talk talk(false);
  talk.reporter.say("one\ntwo\n");
  EXPECT_EQ(talk.talk.str(), "paint: one\n  two\n");
}

TEST(ConsoleReporter, ShowsWhatTheEncoderDoesNotSee) {
  Talk talk(false);
  talk.reporter.truncated("a very long prompt", "long prompt");
  EXPECT_THAT(talk.talk.str(), HasSubstr("warning: the prompt 'a very long prompt'"));
  EXPECT_THAT(talk.talk.str(), HasSubstr("does not see: 'long prompt'"));
}

TEST(ConsoleReporter, StopsWhenItIsTold) {
  Talk talk(false);
  EXPECT_FALSE(talk.reporter.wants_to_stop());
  talk.stop = true;
  EXPECT_TRUE(talk.reporter.wants_to_stop());
}

}  // namespace
}  // namespace ldm::cli
