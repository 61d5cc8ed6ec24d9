#include "ldm/models/diffusion/ddim.h"

#include <ATen/ATen.h>
#include <gtest/gtest.h>

#include <cmath>
#include <stdexcept>

#include "ldm/parity/recording_noise.h"
#include "tests/models/toy_diffusion.h"

namespace ldm {
namespace {

using parity::RecordingNoise;
using testing::make_toy;
using testing::max_difference;
using testing::mixed_prediction;
using testing::run_recorded;
using testing::toy_request;
using testing::ToyModel;

/// alpha, alpha_prev and sigma of a step, in double.
struct StepConstants {
  double alpha, alpha_prev, sigma;
};

StepConstants constants(const ToyModel& toy, const std::vector<double>& descending, std::size_t step,
                        double eta) {
  const auto at = [&](double t) { return toy.alphas_cumprod()[static_cast<std::int64_t>(t)].item<double>(); };
  StepConstants c{};
  c.alpha = at(descending[step]);
  c.alpha_prev = step + 1 < descending.size() ? at(descending[step + 1]) : at(0);
  c.sigma = eta * std::sqrt((1 - c.alpha_prev) / (1 - c.alpha) * (1 - c.alpha / c.alpha_prev));
  return c;
}

TEST(DDIM, EveryStepFollowsEquation12) {
  for (const double eta : {0.0, 0.6, 1.0}) {
    const ToyModel toy = make_toy(mixed_prediction);
    DDIMSampler sampler(toy.model);
    SamplingRequest request = toy_request(10, 2);
    request.eta = eta;
    request.temperature = 0.7;
    BatchNoise source(3, c10::kCPU);
    RecordingNoise noise(source);
    const auto run = run_recorded(sampler, request, noise);
    const auto step_noise = noise.draws(NoiseUse::step);
    ASSERT_EQ(run.steps.size(), 10U);
    ASSERT_EQ(step_noise.size(), 10U) << "noise is drawn at eta 0 too";

    const auto descending = sampler.timesteps(10);
    at::Tensor x = noise.draws(NoiseUse::start).at(0).to(at::kDouble);
    for (std::size_t i = 0; i < run.steps.size(); ++i) {
      const auto [a, a_prev, sigma] = constants(toy, descending, i, eta);
      const at::Tensor eps = x / 2 + descending[i] / 2000 + 1;
      const at::Tensor pred_x0 = (x - std::sqrt(1 - a) * eps) / std::sqrt(a);
      x = std::sqrt(a_prev) * pred_x0 + std::sqrt(1 - a_prev - sigma * sigma) * eps +
          sigma * 0.7 * step_noise[i];
      EXPECT_EQ(run.steps[i].timestep, descending[i]);
      EXPECT_LT(max_difference(run.steps[i].eps, eps), 1e-4) << "step " << i;
      EXPECT_LT(max_difference(run.steps[i].pred_x0, pred_x0), 1e-3) << "step " << i;
      EXPECT_LT(max_difference(run.steps[i].x, x), 1e-4) << "step " << i;
    }
    EXPECT_TRUE(at::equal(run.result.samples, run.steps.back().x));
  }
}

TEST(DDIM, StepNoiseGoesThroughDropout) {
  const ToyModel toy = make_toy(mixed_prediction);
  DDIMSampler sampler(toy.model);
  SamplingRequest request = toy_request(5);
  request.eta = 1.0;
  const auto end_of = [&](double noise_dropout) {
    request.noise_dropout = noise_dropout;
    BatchNoise noise(3, c10::kCPU);
    return sampler.sample(request, noise).samples;
  };
  const at::Tensor all = end_of(0), none = end_of(1), some = end_of(0.5);
  EXPECT_FALSE(at::equal(some, all));
  EXPECT_FALSE(at::equal(some, none));
  request.temperature = 0;
  EXPECT_TRUE(at::equal(end_of(0), none)) << "dropping all noise is like none";
}

TEST(DDIM, KnownPartIsNoisedBeforeTheStepAndKept) {
  const ToyModel toy = make_toy(mixed_prediction);
  DDIMSampler sampler(toy.model);
  SamplingRequest request = toy_request(4);
  request.mask = at::zeros({1, 1, 3, 4});
  request.mask.slice(3, 0, 2).fill_(1);
  request.x0 = at::full({1, 2, 3, 4}, 5.0);
  BatchNoise source(3, c10::kCPU);
  RecordingNoise noise(source);
  sampler.sample(request, noise);

  std::vector<NoiseUse> expected{NoiseUse::start};
  for (int i = 0; i < 4; ++i) {
    expected.push_back(NoiseUse::q_sample);
    expected.push_back(NoiseUse::step);
  }
  EXPECT_EQ(noise.uses(), expected);
  const auto q_noise = noise.draws(NoiseUse::q_sample);
  for (std::size_t i = 0; i < 4; ++i) {
    const testing::NetworkCall& call = toy.network->calls[i];
    const double a = toy.alphas_cumprod()[call.t[0].item<std::int64_t>()].item<double>();
    const at::Tensor known = std::sqrt(a) * request.x0 + std::sqrt(1 - a) * q_noise[i];
    EXPECT_LT(max_difference(call.x.slice(3, 0, 2), known.slice(3, 0, 2)), 1e-5) << "step " << i;
    EXPECT_GT(max_difference(call.x.slice(3, 2), known.slice(3, 2)), 1e-2) << "step " << i;
  }
}

TEST(DDIM, QuantizesTheEstimateOfX0) {
  testing::ToyOptions options;
  options.first_stage = std::make_shared<testing::IntegerFirstStage>();
  const ToyModel toy = make_toy(mixed_prediction, options);
  SamplingRequest request = toy_request(5);
  request.quantize_x0 = true;
  BatchNoise noise(3, c10::kCPU);
  DDIMSampler sampler(toy.model);
  const auto run = run_recorded(sampler, request, noise);
  const auto [a, a_prev, sigma] = constants(toy, sampler.timesteps(5), 0, 0);
  EXPECT_TRUE(at::equal(run.steps[0].pred_x0, run.steps[0].pred_x0.round()));
  const at::Tensor x_prev =
      std::sqrt(a_prev) * run.steps[0].pred_x0 + std::sqrt(1 - a_prev) * run.steps[0].eps;
  EXPECT_LT(max_difference(run.steps[0].x, x_prev), 1e-4) << "and steps from it";
}

TEST(DDIM, EtaThatAsksForMoreNoiseThanThereIsIsRefused) {
  const ToyModel toy = make_toy(mixed_prediction);
  SamplingRequest request = toy_request(10);
  BatchNoise noise(3, c10::kCPU);
  request.eta = 2.0;
  EXPECT_THROW(DDIMSampler(toy.model).sample(request, noise), std::invalid_argument);
  request.eta = 1.0;
  for (const char* discretize : {"uniform", "quad"}) {
    for (const std::int64_t steps : {1, 2, 3, 50}) {
      request.steps = steps;
      request.ddim_discretize = discretize;
      const at::Tensor samples = DDIMSampler(toy.model).sample(request, noise).samples;
      EXPECT_TRUE(samples.isfinite().all().item<bool>()) << discretize << ' ' << steps;
    }
  }
}

TEST(DDIM, EncodeStepsAreCutOffInFloatingPoint) {
  EXPECT_EQ(encode_steps(0.75, 50), 37);
  EXPECT_EQ(encode_steps(0.29, 100), 28);
  EXPECT_EQ(encode_steps(0.0, 50), 0);
  EXPECT_EQ(encode_steps(1.0, 50), 50);
  EXPECT_THROW(encode_steps(1.01, 50), std::invalid_argument);
  EXPECT_THROW(encode_steps(-0.1, 50), std::invalid_argument);
}

TEST(DDIM, StochasticEncodeNoisesToTheLevelOfItsStep) {
  const ToyModel toy = make_toy(mixed_prediction);
  DDIMSampler sampler(toy.model);
  const SamplingRequest request = toy_request(10, 2);
  const at::Tensor x0 = at::full({2, 2, 3, 4}, 3.0);
  const auto descending = sampler.timesteps(10);
  for (const std::int64_t t_enc : {0, 7, 9, 10}) {
    BatchNoise source(5, c10::kCPU);
    RecordingNoise noise(source);
    const at::Tensor z = sampler.stochastic_encode(x0, t_enc, request, noise);
    ASSERT_EQ(noise.uses(), std::vector<NoiseUse>{NoiseUse::encode});
    // Past the last step (strength 1) the last one's level.
    const auto from_end = static_cast<std::size_t>(std::min<std::int64_t>(t_enc, 9)) + 1;
    const double a =
        toy.alphas_cumprod()[static_cast<std::int64_t>(descending[10 - from_end])].item<double>();
    const at::Tensor expected = std::sqrt(a) * x0 + std::sqrt(1 - a) * noise.draws(NoiseUse::encode)[0];
    EXPECT_LT(max_difference(z, expected), 1e-6) << "t_enc " << t_enc;
  }
}

TEST(DDIM, DecodeRunsTheLastStepsFromTheGivenLatent) {
  const ToyModel toy = make_toy(mixed_prediction);
  DDIMSampler sampler(toy.model);
  const auto descending = sampler.timesteps(10);
  const at::Tensor x = at::full({2, 2, 3, 4}, 0.5);
  for (const std::int64_t t_start : {0, 1, 7, 10, 11}) {
    toy.network->calls.clear();
    SamplingRequest request = toy_request(10, 2);
    request.batch_size = 99;  // not looked at
    BatchNoise noise(5, c10::kCPU);
    const SamplingResult result = sampler.decode(x, t_start, request, noise);
    const std::int64_t run = std::min<std::int64_t>(t_start, 10);
    EXPECT_EQ(toy.call_timesteps(), std::vector<double>(descending.end() - run, descending.end()));
    EXPECT_TRUE(at::equal(result.x_inter.at(0), x));
    EXPECT_EQ(at::equal(result.samples, x), t_start == 0);
  }
}

TEST(DDIM, ConvergesToTheFlowAtFirstOrder) {
  const ToyModel toy = make_toy(testing::gaussian_prediction(0.5));
  DDIMSampler sampler(toy.model);
  const auto error_of = [&](std::int64_t steps) {
    BatchNoise noise(3, c10::kCPU);
    const SamplingResult result = sampler.sample(toy_request(steps), noise);
    const double scale =
        testing::gaussian_scale(0.5, 0) / testing::gaussian_scale(0.5, sampler.timesteps(steps).front());
    return max_difference(result.samples, scale * result.x_inter[0]);
  };
  const double coarse = error_of(25), fine = error_of(50), finer = error_of(100);
  EXPECT_NEAR(coarse / fine, 2.0, 0.4);
  EXPECT_NEAR(fine / finer, 2.0, 0.4);
}

}  // namespace
}  // namespace ldm
