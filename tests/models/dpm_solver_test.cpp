#include "ldm/models/diffusion/dpm_solver.h"

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

TEST(DPMSolver, AsksOncePerStepAtEvenTimesAndDrawsTheStartAlone) {
  const ToyModel toy = make_toy(mixed_prediction);
  DPMSolverSampler sampler(toy.model);
  BatchNoise source(3, c10::kCPU);
  RecordingNoise noise(source);
  sampler.sample(toy_request(8), noise);
  const auto asked = toy.call_timesteps();
  ASSERT_EQ(asked.size(), 8U);
  for (std::size_t i = 0; i < 8; ++i) EXPECT_NEAR(asked[i], 999.0 * (1 - static_cast<double>(i) / 8), 1e-3);
  EXPECT_EQ(asked, sampler.timesteps(8));
  EXPECT_EQ(noise.uses(), std::vector<NoiseUse>{NoiseUse::start});
}

/// One step of order 1 (DDIM) between two alphas, from x and an estimate of x0.
at::Tensor first_order(const at::Tensor& x, const at::Tensor& x0, double alpha, double alpha_next) {
  return std::sqrt(alpha_next) * x0 + std::sqrt((1 - alpha_next) / (1 - alpha)) * (x - std::sqrt(alpha) * x0);
}

double alpha_of(const ToyModel& toy, std::int64_t t) {
  return toy.alphas_cumprod()[t].item<double>();
}

TEST(DPMSolver, OneStepIsOfFirstOrder) {
  const ToyModel toy = make_toy(mixed_prediction);
  DPMSolverSampler sampler(toy.model);
  BatchNoise noise(3, c10::kCPU);
  const auto run = run_recorded(sampler, toy_request(1), noise);
  const double first = alpha_of(toy, 999), last = alpha_of(toy, 0);
  const at::Tensor x = run.result.x_inter[0];
  const at::Tensor x0 = (x - std::sqrt(1 - first) * (x / 2 + 999.0 / 2000 + 1)) / std::sqrt(first);
  ASSERT_EQ(run.steps.size(), 1U);
  EXPECT_LT(max_difference(run.steps[0].pred_x0, x0), 1e-3);
  EXPECT_LT(max_difference(run.result.samples, first_order(x, x0, first, last)), 1e-3);
}

/// Whether the last step of a run is of first order, which does not look at the estimate before.
bool ends_at_first_order(std::int64_t steps) {
  const ToyModel toy = make_toy(mixed_prediction);
  DPMSolverSampler sampler(toy.model);
  BatchNoise noise(3, c10::kCPU);
  const auto run = run_recorded(sampler, toy_request(steps), noise);
  const auto times = sampler.timesteps(steps);
  const auto n = static_cast<std::size_t>(steps);
  const double last_scale = testing::gaussian_scale(0, times[n - 1]);  // sqrt(1 - alpha)
  const double alpha = 1 - last_scale * last_scale;
  const at::Tensor expected =
      first_order(run.steps[n - 2].x, run.steps[n - 1].pred_x0, alpha, alpha_of(toy, 0));
  return max_difference(run.result.samples, expected) < 1e-4;
}

TEST(DPMSolver, LowersTheOrderAtTheEndOfFewSteps) {
  EXPECT_TRUE(ends_at_first_order(2));
  EXPECT_TRUE(ends_at_first_order(14));
  EXPECT_FALSE(ends_at_first_order(15));
}

/// alpha, sigma and half the log signal-to-noise ratio at a timestep, interpolated as the solver does.
struct Level {
  explicit Level(double timestep)
      : sigma(testing::gaussian_scale(0, timestep)),
        alpha(std::sqrt(1 - sigma * sigma)),
        lambda(std::log(alpha / sigma)) {}
  double sigma, alpha, lambda;
};

// Algorithm 2 of arXiv:2211.01095.
TEST(DPMSolver, StepsBetweenTheFirstAndTheLastAreOfSecondOrder) {
  const ToyModel toy = make_toy(mixed_prediction);
  DPMSolverSampler sampler(toy.model);
  BatchNoise noise(3, c10::kCPU);
  const auto run = run_recorded(sampler, toy_request(6), noise);
  const auto times = sampler.timesteps(6);
  for (std::size_t i = 1; i < 5; ++i) {
    const Level before(times[i - 1]), now(times[i]), next(times[i + 1]);
    const double h = next.lambda - now.lambda, r = (now.lambda - before.lambda) / h;
    const at::Tensor x = run.steps[i - 1].x.to(at::kDouble);
    const at::Tensor x0 = run.steps[i].pred_x0.to(at::kDouble), previous = run.steps[i - 1].pred_x0;
    const at::Tensor d = (1 + 1 / (2 * r)) * x0 - 1 / (2 * r) * previous;
    const at::Tensor expected = next.sigma / now.sigma * x - next.alpha * std::expm1(-h) * d;
    EXPECT_LT(max_difference(run.steps[i].x, expected), 1e-3 * expected.abs().max().item<double>()) << i;
  }
}

// Slower than 4 for each halving: evenly spaced times leave large steps in lambda at the end.
TEST(DPMSolver, ConvergesToTheFlowFasterThanFirstOrder) {
  const ToyModel toy = make_toy(testing::gaussian_prediction(0.5));
  DPMSolverSampler sampler(toy.model);
  const auto error_of = [&](std::int64_t steps) {
    BatchNoise noise(3, c10::kCPU);
    const SamplingResult result = sampler.sample(toy_request(steps), noise);
    const double scale = testing::gaussian_scale(0.5, 0) / testing::gaussian_scale(0.5, 999);
    return max_difference(result.samples, scale * result.x_inter[0]);
  };
  EXPECT_GT(error_of(200) / error_of(400), 3.0);
}

TEST(DPMSolver, RefusesWhatItWouldHaveToIgnore) {
  const ToyModel toy = make_toy(mixed_prediction);
  DPMSolverSampler sampler(toy.model);
  BatchNoise noise(3, c10::kCPU);
  SamplingRequest masked = toy_request(5), quantized = toy_request(5);
  masked.mask = at::ones({1, 1, 3, 4});
  masked.x0 = at::ones({1, 2, 3, 4});
  quantized.quantize_x0 = true;
  EXPECT_THROW(sampler.sample(masked, noise), std::invalid_argument);
  EXPECT_THROW(sampler.sample(quantized, noise), std::invalid_argument);
}

}  // namespace
}  // namespace ldm
