#include "ldm/pipelines/generation_plan.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/pipelines/pipeline_test_util.h"

namespace ldm {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::Not;
using testing::small_options;
using testing::tiny_target;

template <typename Error, typename Action>
std::string error_of(Action action) {
  try {
    action();
  } catch (const Error& error) {
    return error.what();
  }
  return "nothing was thrown";
}

TEST(GenerationPlan, CountsWhatWillBeDone) {
  GenerationOptions options = small_options();
  options.n_iter = 2;
  options.n_samples = 3;
  options.ddim_steps = 24;
  const GenerationPlan plan = make_plan(options, tiny_target());
  EXPECT_EQ(plan.images(), 6);
  EXPECT_EQ(plan.steps, 25);  // the reference runs 25 for 24
  EXPECT_EQ(plan.network_calls, 25);
  EXPECT_EQ(plan.total_steps(), 50);
  EXPECT_EQ(plan.rows_wanted(), 6);
  EXPECT_EQ(plan.rows_per_call, 6);
  EXPECT_THAT(plan.latent, ElementsAre(4, 8, 8));
}

TEST(GenerationPlan, PlmsAsksOnceMore) {
  GenerationOptions options = small_options();
  options.plms = true;
  options.ddim_steps = 8;
  const GenerationPlan plan = make_plan(options, tiny_target());
  EXPECT_EQ(plan.steps, 8);
  EXPECT_EQ(plan.network_calls, 9);
}

TEST(GenerationPlan, WithoutGuidanceHalfTheRows) {
  GenerationOptions options = small_options();
  options.scale = 1;
  EXPECT_EQ(make_plan(options, tiny_target()).rows_wanted(), 1);
}

TEST(GenerationPlan, Img2imgRunsAShareOfTheSteps) {
  GenerationOptions options = small_options();
  options.kind = GenerationKind::img2img;
  options.ddim_steps = 100;
  const auto steps = [&](double strength) {
    options.strength = strength;
    return make_plan(options, tiny_target(), {140, 75}).steps;
  };
  EXPECT_EQ(steps(0.0), 0);
  EXPECT_EQ(steps(0.29), 28);  // 0.29 * 100 is a little less than 29
  EXPECT_EQ(steps(1.0), 100);
  const GenerationPlan plan = make_plan(options, tiny_target(), {140, 75});
  EXPECT_EQ(plan.image, (data::Size{128, 64}));
  EXPECT_THAT(plan.latent, ElementsAre(4, 16, 8));
}

TEST(GenerationPlan, RefusesWhatDoesNotSuitTheModel) {
  GenerationOptions options = small_options();
  options.C = 3;
  EXPECT_THAT(error_of<OptionError>([&] { make_plan(options, tiny_target()); }),
              HasSubstr("--C: expected 4"));
  options = small_options();
  options.kind = GenerationKind::img2img;
  EXPECT_THAT(error_of<OptionError>([&] {
                make_plan(options, tiny_target(), {31, 400});
              }),
              HasSubstr("--init-img: expected a picture of at least 32 pixels on each side, got 400x31"));
  options = small_options();
  options.per_image_seeds = true;
  options.seed = 4294967295;
  options.n_samples = 2;
  EXPECT_THAT(error_of<OptionError>([&] { make_plan(options, tiny_target()); }),
              HasSubstr("--per-image-seeds"));
}

TEST(GenerationPlan, LittleMemoryCutsTheCallsOfTheNetwork) {
  GenerationOptions options = small_options();
  options.n_samples = 8;
  options.H = options.W = 512;
  PlanTarget target = tiny_target();
  const MemoryEstimate all = make_plan(options, target).memory;
  target.memory_available = all.total() - 1;
  const GenerationPlan plan = make_plan(options, target);
  EXPECT_LT(plan.rows_per_call, 16);
  EXPECT_GE(plan.rows_per_call, 1);
  EXPECT_LE(plan.memory.total(), target.memory_available);
  EXPECT_THAT(describe(plan), HasSubstr("memory is short"));
  EXPECT_THAT(describe(make_plan(options, tiny_target())), Not(HasSubstr("memory is short")));
}

TEST(GenerationPlan, TooLittleMemoryForOnePictureIsAnError) {
  PlanTarget target = tiny_target();
  target.memory_available = 1 << 20;
  EXPECT_THAT(error_of<TooLarge>([&] { make_plan(small_options(), target); }),
              ::testing::AllOf(HasSubstr("out of memory"), HasSubstr("lower --H and --W")));
  GenerationOptions from_image = small_options();
  from_image.kind = GenerationKind::img2img;
  EXPECT_THAT(error_of<TooLarge>([&] {
                make_plan(from_image, target, {64, 64});
              }),
              HasSubstr("a smaller --init-img"));
}

TEST(GenerationPlan, WeightsThatAreThereTakeNoMore) {
  PlanTarget target = tiny_target();
  const MemoryEstimate memory = make_plan(small_options(), target).memory;
  target.memory_available = memory.total() - memory.weights;
  EXPECT_THROW(make_plan(small_options(), target), TooLarge);
  target.weights_loaded = true;
  EXPECT_NO_THROW(make_plan(small_options(), target));
}

TEST(GenerationPlan, SaysItInWords) {
  GenerationOptions options = small_options();
  options.W = 128;
  EXPECT_THAT(describe(make_plan(options, tiny_target())),
              HasSubstr("1 picture of 128x64 in 1 batch\n3 steps of ddim"));
}

TEST(MemoryEstimate, GrowsWithEachOfItsArguments) {
  const ModelDimensions model = tiny_target().dimensions;
  const auto total = [&](std::int64_t height, std::int64_t width, std::int64_t rows) {
    return estimate_memory(model, {height, width}, rows, Precision::full, c10::kCPU);
  };
  std::int64_t last = 0;
  for (const std::int64_t rows : {1, 2, 3, 8, 64}) {
    EXPECT_GT(total(512, 512, rows).sampling, last);
    last = total(512, 512, rows).sampling;
  }
  last = 0;
  for (const std::int64_t height : {64, 72, 512, 520, 2048}) {
    const MemoryEstimate estimate = total(height, 512, 2);
    EXPECT_GT(estimate.total(), last);
    EXPECT_GT(estimate.first_stage, total(height - 8, 512, 2).first_stage);
    EXPECT_EQ(estimate.total(), total(512, height, 2).total()) << "height and width count alike";
    last = estimate.total();
  }
}

TEST(MemoryEstimate, HalfTakesLess) {
  const ModelDimensions model = tiny_target().dimensions;
  const auto total = [&](Precision precision, c10::DeviceType device) {
    return estimate_memory(model, {512, 512}, 2, precision, c10::Device(device)).total();
  };
  EXPECT_LT(total(Precision::half, c10::kCUDA), total(Precision::full, c10::kCUDA));
  EXPECT_GT(total(Precision::autocast, c10::kCUDA), total(Precision::full, c10::kCUDA)) << "half copies";
  EXPECT_EQ(total(Precision::autocast, c10::kCPU), total(Precision::full, c10::kCPU));
}

TEST(MemoryEstimate, TheCpusMemoryIsKnown) {
  EXPECT_GT(available_memory(Device()), 0);
}

}  // namespace
}  // namespace ldm
