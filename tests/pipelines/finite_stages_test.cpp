#include "ldm/pipelines/finite_stages.h"

#include <ATen/ATen.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <limits>

#include "tests/pipelines/pipeline_test_util.h"

namespace ldm {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

constexpr double kNaN = std::numeric_limits<double>::quiet_NaN();
constexpr double kInfinity = std::numeric_limits<double>::infinity();

/// A stage in some precision, which gives `bad` unless it runs in float32.
struct Stage {
  explicit Stage(Precision precision, c10::Device device = c10::kCPU)
      : noise(7, c10::kCPU), stages({testing::tiny_model(), precision}, device, [this] {
          ++loads;
          return testing::tiny_model();
        }) {}

  at::Tensor run(double bad) {
    const auto compute = [&](const StageModel& with, NoiseSource& from) {
      precisions.push_back(with.precision);
      at::Tensor draw = from.normal(NoiseUse::step, {1, 2}, c10::kCPU);
      draws.push_back(draw.clone());
      draw.fill_(with.precision == Precision::full ? 1 : bad);  // a draw may be written to
      return draw;
    };
    return stages.run("sampling", compute, noise,
                      [this](const std::string& text) { warnings.push_back(text); });
  }

  BatchNoise noise;
  FiniteStages stages;
  int loads = 0;
  std::vector<Precision> precisions;
  std::vector<at::Tensor> draws;
  std::vector<std::string> warnings;
};

TEST(FiniteStages, AFiniteResultIsLeftAlone) {
  Stage stage(Precision::half);
  stage.run(2.0);
  EXPECT_THAT(stage.precisions, ElementsAre(Precision::half));
  EXPECT_THAT(stage.warnings, IsEmpty());
  EXPECT_EQ(stage.loads, 0);
}

TEST(FiniteStages, NaNAndInfinityAreComputedAgainInFloat32) {
  for (const double bad : {kNaN, kInfinity, -kInfinity}) {
    Stage stage(Precision::half);
    EXPECT_EQ(stage.run(bad).sum().item<double>(), 2);
    EXPECT_THAT(stage.precisions, ElementsAre(Precision::half, Precision::full));
    EXPECT_THAT(stage.warnings, ElementsAre(HasSubstr("sampling: NaN or infinity in half")));
    EXPECT_EQ(stage.loads, 1);
  }
}

TEST(FiniteStages, TheSecondTimeHasTheSameNoise) {
  Stage stage(Precision::bf16);
  stage.run(kNaN);
  ASSERT_EQ(stage.draws.size(), 2U);
  EXPECT_TRUE(at::equal(stage.draws[0], stage.draws[1]));
  stage.run(kNaN);
  EXPECT_FALSE(at::equal(stage.draws[1], stage.draws[2]));
  EXPECT_EQ(stage.loads, 1) << "the float32 model is kept";
}

TEST(FiniteStages, AutocastOnAGpuFallsBackToItsOwnWeights) {
  Stage stage(Precision::autocast, c10::Device(c10::kCUDA, 0));
  stage.run(kNaN);
  EXPECT_THAT(stage.precisions, ElementsAre(Precision::autocast, Precision::full));
  EXPECT_EQ(stage.loads, 0);
}

TEST(FiniteStages, Float32HasNothingToFallBackTo) {
  const auto fail = [](Precision precision) {
    Stage stage(precision);
    const auto compute = [](const StageModel&, NoiseSource&) { return at::full({1}, kNaN); };
    try {
      stage.stages.run("decoding", compute, stage.noise, [](const std::string&) { FAIL(); });
    } catch (const NumericError& error) {
      return std::string(error.what());
    }
    return std::string("nothing was thrown");
  };
  EXPECT_THAT(fail(Precision::full), HasSubstr("decoding: expected finite numbers, got NaN or infinity"));
  EXPECT_THAT(fail(Precision::autocast), HasSubstr("in float32"));
}

TEST(FiniteStages, NaNInFloat32TooIsAnError) {
  Stage stage(Precision::half);
  std::vector<std::string> warnings;
  const auto compute = [](const StageModel&, NoiseSource&) { return at::full({1}, kInfinity); };
  EXPECT_THROW(stage.stages.run("sampling", compute, stage.noise,
                                [&](const std::string& text) { warnings.push_back(text); }),
               NumericError);
  EXPECT_EQ(warnings.size(), 1U);
}

TEST(FiniteStages, NothingIsHandedOn) {
  Stage stage(Precision::half);
  const auto compute = [](const StageModel&, NoiseSource&) { return at::Tensor(); };
  EXPECT_FALSE(stage.stages.run("start", compute, stage.noise, {}).defined());
}

}  // namespace
}  // namespace ldm
