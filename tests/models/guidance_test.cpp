#include <ATen/ATen.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "ldm/models/diffusion/guided_denoiser.h"
#include "tests/models/toy_diffusion.h"

namespace ldm {
namespace {

using ::testing::HasSubstr;
using testing::make_toy;
using testing::mixed_prediction;
using testing::NetworkCall;
using testing::toy_context;
using testing::toy_request;
using testing::ToyModel;

constexpr std::int64_t kBatch = 2;

at::Tensor toy_x() {
  return at::linspace(-1, 1, kBatch * 2 * 3 * 4).view({kBatch, 2, 3, 4});
}

SamplingRequest guided_request(double scale) {
  SamplingRequest request = toy_request(10, kBatch);
  request.conditioning = toy_context(kBatch, 1.0);
  request.unconditional_conditioning = toy_context(kBatch, -1.0);
  request.unconditional_guidance_scale = scale;
  return request;
}

at::Tensor timesteps(std::int64_t t) {
  return at::full({kBatch}, t, at::kLong);
}

TEST(GuidedDenoiser, AsksOnceWithTheUnconditionalHalfFirst) {
  const ToyModel toy = make_toy(mixed_prediction);
  const SamplingRequest request = guided_request(7.5);
  GuidedDenoiser denoise(*toy.model, request);
  const at::Tensor x = toy_x(), result = denoise(x, timesteps(500));

  ASSERT_EQ(toy.network->calls.size(), 1U);
  const NetworkCall& call = toy.network->calls[0];
  EXPECT_TRUE(at::equal(call.x, at::cat({x, x})));
  EXPECT_TRUE(at::equal(call.t, at::full({2 * kBatch}, 500, at::kLong)));
  EXPECT_TRUE(at::equal(call.context.select(2, 0).view(-1), at::tensor({-1.0F, -1.0F, 1.0F, 1.0F})));
  // mixed_prediction: x / 2 + t / 2000 + context.
  const at::Tensor uncond = x / 2 + 0.25 - 1, cond = x / 2 + 0.25 + 1;
  EXPECT_LT(testing::max_difference(result, uncond + 7.5 * (cond - uncond)), 1e-5);
}

TEST(GuidedDenoiser, ScaleOneAndAMissingHalfMakeNoUnconditionalCall) {
  const ToyModel toy = make_toy(mixed_prediction);
  const SamplingRequest scale_one = guided_request(1.0);
  SamplingRequest without = guided_request(7.5);
  without.unconditional_conditioning.reset();
  const SamplingRequest no_uncond = without;
  for (const SamplingRequest* request : {&scale_one, &no_uncond}) {
    toy.network->calls.clear();
    const at::Tensor result = GuidedDenoiser(*toy.model, *request)(toy_x(), timesteps(500));
    ASSERT_EQ(toy.network->calls.size(), 1U);
    EXPECT_EQ(toy.network->calls[0].x.size(0), kBatch);
    EXPECT_LT(testing::max_difference(result, toy_x() / 2 + 1.25), 1e-6);
  }
}

TEST(GuidedDenoiser, ScaleZeroIsGuidanceToo) {
  const ToyModel toy = make_toy(mixed_prediction);
  const SamplingRequest request = guided_request(0.0);
  const at::Tensor result = GuidedDenoiser(*toy.model, request)(toy_x(), timesteps(500));
  EXPECT_EQ(toy.network->calls[0].x.size(0), 2 * kBatch);
  EXPECT_LT(testing::max_difference(result, toy_x() / 2 - 0.75), 1e-6);
}

TEST(GuidedDenoiser, ScoreCorrectorGetsTheGuidedPredictionAndReplacesIt) {
  const ToyModel toy = make_toy(mixed_prediction);
  SamplingRequest request = guided_request(7.5);
  const at::Tensor plain = GuidedDenoiser(*toy.model, request)(toy_x(), timesteps(500));
  int calls = 0;
  request.score_corrector = [&](const at::Tensor& e_t, const at::Tensor& x, const at::Tensor& t,
                                const Conditioning& c) {
    ++calls;
    EXPECT_TRUE(at::equal(e_t, plain));
    EXPECT_TRUE(at::equal(x, toy_x()));
    EXPECT_TRUE(at::equal(t, timesteps(500)));
    EXPECT_TRUE(at::equal(c.c_crossattn.at(0), toy_context(kBatch, 1.0).c_crossattn[0]));
    return e_t + 3;
  };
  EXPECT_TRUE(at::equal(GuidedDenoiser(*toy.model, request)(toy_x(), timesteps(500)), plain + 3));
  EXPECT_EQ(calls, 1);
}

TEST(GuidedDenoiser, HalfWeightsGetHalfInputs) {
  for (const auto& [precision, dtype] :
       {std::pair(Precision::half, at::kHalf), std::pair(Precision::bf16, at::kBFloat16),
        std::pair(Precision::autocast, at::kFloat), std::pair(Precision::full, at::kFloat)}) {
    const ToyModel toy = make_toy(mixed_prediction);
    SamplingRequest request = guided_request(2.0);
    request.precision = precision;
    GuidedDenoiser(*toy.model, request)(toy_x(), timesteps(500));
    EXPECT_EQ(toy.network->calls[0].x.scalar_type(), dtype);
    EXPECT_EQ(toy.network->calls[0].context.scalar_type(), dtype);
  }
}

TEST(GuidedDenoiser, JoinsConcatConditioningToo) {
  SamplingRequest request = guided_request(2.0);
  request.conditioning.c_concat.push_back(at::ones({kBatch, 1, 3, 4}));
  const ToyModel toy = make_toy(mixed_prediction);
  const auto build = [&] { GuidedDenoiser(*toy.model, request); };
  EXPECT_THROW(build(), std::invalid_argument) << "the unconditional half has none";
  request.unconditional_conditioning->c_concat.push_back(at::zeros({kBatch, 1, 3, 4}));
  build();
}

std::string refusal_of(const SamplingRequest& request) {
  const ToyModel toy = make_toy(mixed_prediction);
  try {
    GuidedDenoiser(*toy.model, request);
  } catch (const std::invalid_argument& error) {
    return error.what();
  }
  return "nothing was thrown";
}

TEST(GuidedDenoiser, RefusesConditioningsOfAnotherForm) {
  SamplingRequest rows = guided_request(7.5);
  rows.conditioning = toy_context(kBatch + 1, 1.0);
  EXPECT_THAT(refusal_of(rows), HasSubstr("conditioning: expected 2 rows (batch_size), got a tensor [3,"));
  SamplingRequest shapes = guided_request(7.5);
  shapes.unconditional_conditioning->c_crossattn[0] = at::zeros({kBatch, 2, 2});
  EXPECT_THAT(refusal_of(shapes), HasSubstr("unconditional_conditioning: expected [2, 1, 2]"));
}

}  // namespace
}  // namespace ldm
