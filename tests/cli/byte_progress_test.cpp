#include "ldm/cli/byte_progress.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <sstream>

#include "ldm/cli/interrupts.h"

namespace ldm::cli {
namespace {

using ::testing::AllOf;
using ::testing::EndsWith;
using ::testing::HasSubstr;

struct Talk {
  std::ostringstream talk, results;

  Console console(bool terminal) {
    return {talk, results, terminal, [] { return std::size_t{80}; }};
  }
};

bool never() {
  return false;
}

TEST(ByteProgress, DrawsABarOnATerminalAndTakesItOff) {
  Talk talk;
  {
    ByteProgress progress(talk.console(true), &never);
    progress.report(50, 100);
    EXPECT_THAT(talk.talk.str(), AllOf(HasSubstr("[###"), HasSubstr("50 bytes of 100 bytes")));
  }
  EXPECT_THAT(talk.talk.str(), EndsWith("\r\x1b[K"));
  EXPECT_EQ(talk.results.str(), "");
}

TEST(ByteProgress, SaysNothingElsewhere) {
  Talk talk;
  ByteProgress progress(talk.console(false), &never);
  progress.report(50, 100);
  progress.clear();
  EXPECT_EQ(talk.talk.str(), "");
}

TEST(ByteProgress, StopsWhenInterrupted) {
  Talk talk;
  ByteProgress progress(talk.console(false), [] { return true; });
  EXPECT_THROW(progress.report(0, 100), Interrupted);
}

TEST(ByteProgressText, HasSpeedAndTimeLeft) {
  EXPECT_EQ(byte_progress_text(1'000'000'000, 4'000'000'000, 2), "1.00 GB of 4.00 GB, 500.00 MB/s, ETA 0:06");
  EXPECT_EQ(byte_progress_text(0, 4'000, 0), "0 bytes of 4.00 kB, 0 bytes/s, ETA ?");
}

}  // namespace
}  // namespace ldm::cli
