#include "ldm/lr_scheduler.h"

#include <ATen/ATen.h>
#include <gtest/gtest.h>

#include <cmath>
#include <stdexcept>
#include <string>

#include "ldm/checkpoint/open_checkpoint.h"
#include "tests/support/paths.h"

namespace {

using ldm::LambdaLinearScheduler;
using ldm::LambdaWarmUpCosineScheduler;
using ldm::LambdaWarmUpCosineScheduler2;
using ldm::LrScheduler;
using CycleOptions = LambdaWarmUpCosineScheduler2::Options;

CycleOptions v1_options() {
  return {{10000}, {1.0}, {1.0}, {1e-6}, {10000000000000}, 0};
}

CycleOptions two_cycles() {
  return {{10, 5}, {0.05, 0.1}, {1.0, 0.5}, {0.1, 0.2}, {100, 50}, 0};
}

LambdaWarmUpCosineScheduler::Options cosine_options() {
  return {1000, 1e-4, 0.1, 1e-4, 100000, 0};
}

void expect_golden(const LrScheduler& scheduler, const std::string& name) {
  auto golden = ldm::checkpoint::open_checkpoint(ldm::testing::golden_path("ema_lr.safetensors"));
  const at::Tensor steps = golden.tensor(name + ".n").tensor;
  const at::Tensor factors = golden.tensor(name + ".f").tensor;
  ASSERT_GT(steps.numel(), 0);
  ASSERT_EQ(steps.numel(), factors.numel());
  for (std::int64_t i = 0; i < steps.numel(); ++i) {
    const auto step = steps[i].item<std::int64_t>();
    const auto expected = factors[i].item<double>();
    EXPECT_NEAR(scheduler(step), expected, 1e-15 * std::abs(expected)) << name << " at step " << step;
  }
}

template <class Scheduler, class Options>
std::string construction_error(const Options& options) {
  try {
    Scheduler scheduler(options);
  } catch (const std::invalid_argument& error) {
    return error.what();
  }
  return "";
}

std::string step_error(const LrScheduler& scheduler, std::int64_t step) {
  try {
    scheduler(step);
  } catch (const std::out_of_range& error) {
    return error.what();
  }
  return "";
}

bool holds(const std::string& text, const std::string& part) {
  return text.find(part) != std::string::npos;
}

TEST(LambdaLinearScheduler, ProducesTheReferencesV1Schedule) {
  expect_golden(LambdaLinearScheduler(v1_options()), "lr.linear");
}

TEST(LambdaLinearScheduler, ProducesTheReferencesCycles) {
  expect_golden(LambdaLinearScheduler(two_cycles()), "lr.cycles");
}

TEST(LambdaWarmUpCosineScheduler, ProducesTheReferencesCosine) {
  expect_golden(LambdaWarmUpCosineScheduler(cosine_options()), "lr.cosine");
}

TEST(LambdaWarmUpCosineScheduler, StaysAtTheMinimumAfterTheDecay) {
  const LambdaWarmUpCosineScheduler scheduler(cosine_options());
  EXPECT_DOUBLE_EQ(scheduler(1000), 0.1);
  EXPECT_DOUBLE_EQ(scheduler(100000), 1e-4);
  EXPECT_DOUBLE_EQ(scheduler(1000000), 1e-4);
}

TEST(LambdaWarmUpCosineScheduler2, WithOneCycleIsTheSingleScheduler) {
  const LambdaWarmUpCosineScheduler single(cosine_options());
  const LambdaWarmUpCosineScheduler2 cycles(CycleOptions{{1000}, {1e-4}, {0.1}, {1e-4}, {100000}, 0});
  for (const std::int64_t step : {0, 1, 999, 1000, 1001, 50500, 99999, 100000}) {
    EXPECT_EQ(cycles(step), single(step)) << step;
  }
}

TEST(LambdaWarmUpCosineScheduler2, TheLastStepOfACycleBelongsToIt) {
  const LambdaWarmUpCosineScheduler2 scheduler(two_cycles());
  EXPECT_DOUBLE_EQ(scheduler(10), 1.0);
  EXPECT_DOUBLE_EQ(scheduler(100), 0.05);
  EXPECT_DOUBLE_EQ(scheduler(101), (0.5 - 0.2) / 5 * 1 + 0.2);
  EXPECT_DOUBLE_EQ(scheduler(105), 0.5);
  EXPECT_DOUBLE_EQ(scheduler(150), 0.1);
}

TEST(LambdaWarmUpCosineScheduler2, NamesAStepBeyondTheLastCycle) {
  const std::string error = step_error(LambdaWarmUpCosineScheduler2(two_cycles()), 151);
  EXPECT_TRUE(holds(error, "at most 150") && holds(error, "got 151")) << error;
  EXPECT_TRUE(
      holds(step_error(LambdaLinearScheduler(v1_options()), 10000000000001), "at most 10000000000000"));
  EXPECT_EQ(step_error(LambdaLinearScheduler(v1_options()), 10000000000000), "");
}

TEST(LrSchedulers, RefuseNegativeSteps) {
  EXPECT_TRUE(holds(step_error(LambdaLinearScheduler(v1_options()), -1), "got -1"));
  EXPECT_TRUE(holds(step_error(LambdaWarmUpCosineScheduler(cosine_options()), -1), "got -1"));
}

TEST(LrSchedulers, RefuseListsOfDifferentLengths) {
  CycleOptions options = two_cycles();
  options.f_min.pop_back();
  const auto error = construction_error<LambdaLinearScheduler>(options);
  EXPECT_TRUE(holds(error, "f_min 1") && holds(error, "cycle_lengths 2")) << error;
  EXPECT_TRUE(holds(construction_error<LambdaLinearScheduler>(CycleOptions{}), "at least one"));
}

TEST(LrSchedulers, RefuseCyclesThatCannotBe) {
  CycleOptions options = two_cycles();
  options.cycle_lengths[1] = 0;
  EXPECT_TRUE(
      holds(construction_error<LambdaLinearScheduler>(options), "cycle_lengths[1]: expected at least 1"));
  options.cycle_lengths = {INT64_MAX, 1};
  EXPECT_TRUE(holds(construction_error<LambdaLinearScheduler>(options), "cycle_lengths[1]: expected a sum"));
  options = two_cycles();
  options.warm_up_steps[0] = -3;
  EXPECT_TRUE(
      holds(construction_error<LambdaLinearScheduler>(options), "warm_up_steps[0]: expected at least 0"));
}

TEST(LrSchedulers, RefuseACosineOfNoLength) {
  CycleOptions options = two_cycles();
  options.warm_up_steps[1] = 50;
  EXPECT_TRUE(holds(construction_error<LambdaWarmUpCosineScheduler2>(options), "cycle_lengths[1]"));
  EXPECT_DOUBLE_EQ(LambdaLinearScheduler(options)(150), 0.1);
  auto single = cosine_options();
  single.max_decay_steps = single.warm_up_steps;
  EXPECT_TRUE(holds(construction_error<LambdaWarmUpCosineScheduler>(single), "max_decay_steps"));
}

}  // namespace
