#include "ldm/models/diffusion/sampler.h"

#include <ATen/ATen.h>
#include <c10/core/InferenceMode.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <stdexcept>

#include "tests/models/toy_diffusion.h"

namespace ldm {
namespace {

using ::testing::HasSubstr;
using testing::make_toy;
using testing::mixed_prediction;
using testing::run_recorded;
using testing::toy_request;
using testing::ToyModel;

std::size_t count_of(const char* sampler, std::int64_t steps, const char* discretize = "uniform") {
  static const ToyModel kToy = make_toy(mixed_prediction);
  return make_sampler(sampler, kToy.model)->timesteps(steps, discretize).size();
}

TEST(Timesteps, CountsAreTheReferences) {
  for (const char* sampler : {"ddim", "plms"}) {
    EXPECT_EQ(count_of(sampler, 7), 8U);
    EXPECT_EQ(count_of(sampler, 24), 25U);
    EXPECT_EQ(count_of(sampler, 30), 31U);
    EXPECT_EQ(count_of(sampler, 50), 50U);
    EXPECT_EQ(count_of(sampler, 3), 3U) << "of 4 that the reference makes, the first is 1000";
    EXPECT_EQ(count_of(sampler, 333), 333U) << "of 334";
    EXPECT_EQ(count_of(sampler, 501), 999U);
    EXPECT_EQ(count_of(sampler, 1000), 999U);
    EXPECT_EQ(count_of(sampler, 24, "quad"), 24U);
  }
  EXPECT_EQ(count_of("dpm_solver", 24), 24U);
  EXPECT_EQ(count_of("ddpm", 24), 24U);
}

TEST(Timesteps, FallAndStayInsideTheScheduleForEveryNumberOfSteps) {
  const ToyModel toy = make_toy(mixed_prediction);
  for (const std::string& name : sampler_names()) {
    const auto sampler = make_sampler(name, toy.model);
    for (std::int64_t steps = 1; steps <= 1000; ++steps) {
      for (const char* discretize : {"uniform", "quad"}) {
        const auto timesteps = sampler->timesteps(steps, discretize);
        ASSERT_FALSE(timesteps.empty()) << name << ' ' << steps;
        EXPECT_TRUE(std::is_sorted(timesteps.rbegin(), timesteps.rend())) << name << ' ' << steps;
        EXPECT_LT(timesteps.front(), 1000) << name << ' ' << steps;
        EXPECT_GE(timesteps.back(), 0) << name << ' ' << steps;
      }
    }
    EXPECT_THROW(sampler->timesteps(0), std::invalid_argument) << name;
    EXPECT_THROW(sampler->timesteps(1001), std::invalid_argument) << name;
  }
  EXPECT_THROW(make_sampler("ddim", toy.model)->timesteps(10, "cubic"), std::invalid_argument);
}

TEST(MakeSampler, KnowsItsNamesAndNoOther) {
  const ToyModel toy = make_toy(mixed_prediction);
  for (const std::string& name : sampler_names()) EXPECT_EQ(make_sampler(name, toy.model)->name(), name);
  EXPECT_THROW(make_sampler("euler", toy.model), std::invalid_argument);
}

/// Every sampler must do what follows.
class EverySampler : public ::testing::TestWithParam<const char*> {
 protected:
  std::unique_ptr<Sampler> sampler() { return make_sampler(GetParam(), toy_.model); }
  bool takes_mask() const { return std::string(GetParam()) != "dpm_solver"; }
  bool takes_eta() const { return std::string(GetParam()) == "ddim"; }

  ToyModel toy_ = make_toy(mixed_prediction);
};

INSTANTIATE_TEST_SUITE_P(Samplers, EverySampler, ::testing::Values("ddim", "plms", "dpm_solver", "ddpm"),
                         [](const auto& each) { return std::string(each.param); });

TEST_P(EverySampler, RunsTheStepsThatItAnnounces) {
  for (const std::int64_t steps : {1, 2, 3, 9, 24, 36, 101, 251, 501, 1000}) {
    BatchNoise noise(1, c10::kCPU);
    const auto each = sampler();
    const auto run = run_recorded(*each, toy_request(steps), noise);
    std::vector<double> told;
    for (const SamplingStep& step : run.steps) {
      EXPECT_EQ(step.index, static_cast<std::int64_t>(told.size()));
      told.push_back(step.timestep);
      EXPECT_EQ(step.total, static_cast<std::int64_t>(run.steps.size()));
    }
    EXPECT_EQ(told, each->timesteps(steps));
    EXPECT_FALSE(run.result.cancelled);
  }
}

TEST_P(EverySampler, GuidesInOneCallAndNotAtScaleOne) {
  SamplingRequest request = toy_request(5, 2);
  request.unconditional_conditioning = testing::toy_context(2, -1);
  for (const double scale : {7.5, 1.0}) {
    toy_.network->calls.clear();
    request.unconditional_guidance_scale = scale;
    BatchNoise noise(1, c10::kCPU);
    sampler()->sample(request, noise);
    EXPECT_EQ(toy_.network->calls.size(), std::string(GetParam()) == "plms" ? 6U : 5U);
    for (const auto& call : toy_.network->calls) EXPECT_EQ(call.x.size(0), scale == 1.0 ? 2 : 4);
  }
}

TEST_P(EverySampler, StartsFromXTWithoutADraw) {
  SamplingRequest request = toy_request(3);
  request.x_T = at::full({1, 2, 3, 4}, 0.25);
  BatchNoise one(1, c10::kCPU), other(2, c10::kCPU);
  const SamplingResult result = sampler()->sample(request, one);
  EXPECT_TRUE(at::equal(result.x_inter.at(0), request.x_T));
  EXPECT_TRUE(at::equal(toy_.network->calls.at(0).x, request.x_T));
  if (std::string(GetParam()) == "ddpm") return;  // the others are deterministic from here on
  EXPECT_TRUE(at::equal(sampler()->sample(request, other).samples, result.samples));
}

TEST_P(EverySampler, StopsWhenTheCallbackSaysSo) {
  SamplingRequest request = toy_request(5);
  at::Tensor last;
  request.callback = [&](const SamplingStep& step) {
    last = step.x;
    return step.index < 1;
  };
  BatchNoise noise(1, c10::kCPU);
  const SamplingResult result = sampler()->sample(request, noise);
  EXPECT_TRUE(result.cancelled);
  EXPECT_TRUE(at::equal(result.samples, last));
  EXPECT_EQ(toy_.network->calls.size(), std::string(GetParam()) == "plms" ? 3U : 2U);
}

TEST_P(EverySampler, LogsEveryFewStepsCountedFromTheEnd) {
  SamplingRequest request = toy_request(8);
  request.log_every_t = 3;
  BatchNoise noise(1, c10::kCPU);
  const auto each = sampler();
  const auto run = run_recorded(*each, request, noise);
  ASSERT_EQ(run.steps.size(), 8U);
  // Steps left after a step: 7, 6, ..., 0. The first is always logged.
  const std::vector<std::size_t> logged{0, 1, 4, 7};
  ASSERT_EQ(run.result.x_inter.size(), 1 + logged.size());
  ASSERT_EQ(run.result.pred_x0.size(), 1 + logged.size());
  for (std::size_t i = 0; i < logged.size(); ++i) {
    EXPECT_TRUE(at::equal(run.result.x_inter[i + 1], run.steps[logged[i]].x));
    EXPECT_TRUE(at::equal(run.result.pred_x0[i + 1], run.steps[logged[i]].pred_x0));
  }
}

TEST_P(EverySampler, ImageOfABatchIsTheSingleImageWithItsSeed) {
  SamplingRequest request = toy_request(6, 3);
  if (takes_eta()) request.eta = 0.8;
  request.noise_dropout = 0.25;
  if (takes_mask()) {
    request.mask = at::zeros({1, 1, 3, 4});
    request.mask[0][0][1].fill_(1);
    request.x0 = at::full({3, 2, 3, 4}, 2.0);
  }
  PerImageNoise noise(42, 3, c10::kCPU);
  const at::Tensor batch = sampler()->sample(request, noise).samples;
  for (std::int64_t k = 0; k < 3; ++k) {
    SamplingRequest single = request;
    single.batch_size = 1;
    single.conditioning = testing::toy_context(1, 1.0);
    if (takes_mask()) single.x0 = request.x0.slice(0, k, k + 1);
    BatchNoise own(static_cast<std::uint64_t>(42 + k), c10::kCPU);
    EXPECT_TRUE(at::equal(batch.slice(0, k, k + 1), sampler()->sample(single, own).samples)) << "image " << k;
  }
}

TEST_P(EverySampler, AppliesTheScoreCorrectorToEachPrediction) {
  SamplingRequest request = toy_request(4);
  std::size_t calls = 0;
  request.score_corrector = [&](const at::Tensor& e_t, const at::Tensor&, const at::Tensor&,
                                const Conditioning&) {
    ++calls;
    return at::zeros_like(e_t);
  };
  BatchNoise noise(1, c10::kCPU);
  const auto each = sampler();
  const auto run = run_recorded(*each, request, noise);
  EXPECT_EQ(calls, toy_.network->calls.size());
  for (const SamplingStep& step : run.steps) EXPECT_EQ(step.eps.abs().max().item<double>(), 0);
}

TEST_P(EverySampler, KeepsItsOwnArithmeticInFloatUnderHalfWeights) {
  SamplingRequest request = toy_request(4);
  request.precision = Precision::half;
  BatchNoise noise(1, c10::kCPU);
  const auto each = sampler();
  const auto run = run_recorded(*each, request, noise);
  EXPECT_EQ(run.steps[0].eps.scalar_type(), at::kHalf);
  EXPECT_EQ(run.steps[0].x.scalar_type(), at::kFloat);
  EXPECT_EQ(run.steps[0].pred_x0.scalar_type(), at::kFloat);
  EXPECT_FALSE(at::equal(run.result.samples, run.result.samples.to(at::kHalf).to(at::kFloat)));
}

TEST_P(EverySampler, LeavesTheThreadAsItFoundIt) {
  BatchNoise noise(1, c10::kCPU);
  sampler()->sample(toy_request(2), noise);
  EXPECT_FALSE(c10::InferenceMode::is_enabled());
  EXPECT_TRUE(at::GradMode::is_enabled());
}

std::string refusal_of(Sampler& sampler, const SamplingRequest& request) {
  BatchNoise noise(1, c10::kCPU);
  try {
    sampler.sample(request, noise);
  } catch (const std::invalid_argument& error) {
    return error.what();
  }
  return "nothing was thrown";
}

TEST_P(EverySampler, NamesTheFieldThatDoesNotFit) {
  const auto refused = [&](const std::function<void(SamplingRequest&)>& spoil) {
    SamplingRequest request = toy_request(5, 2);
    spoil(request);
    return refusal_of(*sampler(), request);
  };
  using R = SamplingRequest&;
  EXPECT_THAT(refused([](R r) { r.steps = 0; }), HasSubstr("expected 1 to 1000 sampling steps, got 0"));
  EXPECT_THAT(refused([](R r) { r.batch_size = 0; }), HasSubstr("batch_size: expected at least 1, got 0"));
  EXPECT_THAT(refused([](R r) { r.shape = {3, 4}; }), HasSubstr("shape: expected [C, h, w]"));
  EXPECT_THAT(refused([](R r) { r.x_T = at::zeros({1, 2, 3, 4}); }), HasSubstr("x_T: expected [2, 2, 3, 4]"));
  EXPECT_THAT(refused([](R r) { r.temperature = -1; }), HasSubstr("temperature: expected at least 0"));
  EXPECT_THAT(refused([](R r) { r.noise_dropout = 2; }), HasSubstr("noise_dropout: expected a probability"));
  EXPECT_THAT(refused([](R r) { r.log_every_t = -1; }), HasSubstr("log_every_t: expected at least 0"));
  EXPECT_THAT(refused([](R r) { r.conditioning = testing::toy_context(1, 0); }),
              HasSubstr("conditioning: expected 2 rows"));
  EXPECT_THAT(refused([](R r) { r.quantize_x0 = true; }), HasSubstr("quantize_x0: expected"));
  EXPECT_EQ(toy_.network->calls.size(), 0U) << "before the network is asked";
}

TEST_P(EverySampler, NamesTheMaskThatDoesNotFit) {
  if (!takes_mask()) GTEST_SKIP() << "refuses every mask";
  SamplingRequest request = toy_request(5, 2);
  request.mask = at::ones({1, 1, 3, 4});
  EXPECT_THAT(refusal_of(*sampler(), request),
              HasSubstr("mask and x0: expected both or none, got only mask"));
  request.x0 = at::ones({2, 1, 3, 4});
  EXPECT_THAT(refusal_of(*sampler(), request), HasSubstr("x0: expected [2, 2, 3, 4]"));
  request.x0 = at::ones({2, 2, 3, 4});
  request.mask = at::ones({3, 4});
  EXPECT_THAT(refusal_of(*sampler(), request), HasSubstr("mask: expected [2, 2, 3, 4]"));
}

TEST(Samplers, RefuseAScoreCorrectorForAModelThatDoesNotPredictEps) {
  SamplingRequest request = toy_request(5);
  request.score_corrector = [](const at::Tensor& e_t, const at::Tensor&, const at::Tensor&,
                               const Conditioning&) { return e_t; };
  for (const auto parameterization : {Parameterization::x0, Parameterization::v}) {
    testing::ToyOptions options;
    options.parameterization = parameterization;
    const ToyModel toy = make_toy(mixed_prediction, options);
    const std::string expected =
        "score_corrector: expected a model that predicts eps, got one that predicts ";
    for (const std::string& name : sampler_names()) {
      EXPECT_THAT(refusal_of(*make_sampler(name, toy.model), request),
                  HasSubstr(expected + to_string(parameterization)))
          << name;
    }
  }
}

}  // namespace
}  // namespace ldm
