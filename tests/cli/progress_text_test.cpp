#include "ldm/cli/progress_text.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <vector>

namespace ldm::cli {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::StartsWith;

/// Step `step` of 10 in batch `batch` of 2.
GenerationProgress at_step(std::int64_t batch, std::int64_t step) {
  return {batch, 2, step, 10, batch * 10 + step, 20};
}

StepClock::Clock::time_point second(double seconds) {
  return StepClock::Clock::time_point() +
         std::chrono::duration_cast<StepClock::Clock::duration>(std::chrono::duration<double>(seconds));
}

TEST(StepClock, KnowsNothingBeforeTheFirstStep) {
  StepClock clock;
  clock.report(at_step(0, 0), second(5));
  EXPECT_EQ(clock.steps_per_second(), 0);
  EXPECT_LT(clock.seconds_left(), 0);
  EXPECT_EQ(plain_progress(at_step(0, 0), clock), "batch 1/2: step 0/10, ? it/s, ETA ?");
}

TEST(StepClock, TimeBetweenBatchesDoesNotCount) {
  StepClock clock;
  clock.report(at_step(0, 0), second(0));
  clock.report(at_step(0, 1), second(0.5));
  clock.report(at_step(0, 2), second(1.0));
  EXPECT_DOUBLE_EQ(clock.steps_per_second(), 2);
  EXPECT_DOUBLE_EQ(clock.seconds_left(), 9);
  clock.report(at_step(1, 0), second(100));
  clock.report(at_step(1, 1), second(100.5));
  EXPECT_DOUBLE_EQ(clock.steps_per_second(), 2);
}

TEST(ProgressText, SlowStepsAreGivenInSecondsEach) {
  StepClock clock;
  clock.report(at_step(0, 0), second(0));
  clock.report(at_step(0, 1), second(400));
  EXPECT_EQ(plain_progress(at_step(0, 1), clock), "batch 1/2: step 1/10, 400.00 s/it, ETA 2:06:40");
}

TEST(ProgressText, TheBarFillsWithTheWholeRun) {
  StepClock clock;
  clock.report(at_step(0, 0), second(0));
  clock.report(at_step(1, 0), second(1));
  const std::string bar = bar_progress(at_step(1, 0), clock, 200);
  EXPECT_THAT(bar, StartsWith("[####################....................] batch 2/2"));
}

TEST(ProgressText, TheBarFitsTheTerminal) {
  const StepClock clock;
  for (const std::size_t width : {1, 20, 40, 60, 80, 200}) {
    EXPECT_LE(bar_progress(at_step(0, 3), clock, width).size(), width);
  }
  EXPECT_THAT(bar_progress(at_step(0, 3), clock, 20), StartsWith("batch 1/2"));
}

TEST(ProgressText, PlainLinesComeEveryTenth) {
  std::vector<std::int64_t> shown;
  for (std::int64_t step = 0; step <= 25; ++step) {
    if (worth_a_line({0, 1, step, 25, step, 25})) shown.push_back(step);
  }
  EXPECT_THAT(shown, ElementsAre(0, 3, 5, 8, 10, 13, 15, 18, 20, 23, 25));
}

TEST(ProgressText, ARunWithoutStepsHasOneLine) {
  EXPECT_TRUE(worth_a_line({0, 1, 0, 0, 0, 0}));
  EXPECT_THAT(bar_progress({0, 1, 0, 0, 0, 0}, StepClock(), 100), HasSubstr("step 0/0"));
}

}  // namespace
}  // namespace ldm::cli
