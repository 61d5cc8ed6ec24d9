#include "ldm/models/diffusion/plms.h"

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

TEST(PLMS, LooksAheadOnceInTheFirstStepAndDrawsTwiceThere) {
  for (const std::int64_t steps : {1, 2, 5}) {
    const ToyModel toy = make_toy(mixed_prediction);
    PLMSSampler sampler(toy.model);
    BatchNoise source(3, c10::kCPU);
    RecordingNoise noise(source);
    sampler.sample(toy_request(steps), noise);
    std::vector<double> expected = sampler.timesteps(steps);
    expected.insert(expected.begin() + 1, expected[expected.size() > 1 ? 1 : 0]);
    EXPECT_EQ(toy.call_timesteps(), expected);
    EXPECT_EQ(noise.draws(NoiseUse::step).size(), expected.size());
  }
}

/// A network that answers each call with a number of its own, so that the mixing shows.
struct Answers {
  std::vector<double> values;
  std::size_t next = 0;
};

TEST(PLMS, MixesPredictionsByAdamsBashforth) {
  const std::vector<double> e{0.11, -0.23, 0.37, 0.41, -0.59, 0.61, 0.73};  // calls, the second one ahead
  const auto answers = std::make_shared<Answers>(Answers{e});
  const ToyModel toy = make_toy([answers](const testing::NetworkCall& call) {
    return at::full_like(call.x, answers->values.at(answers->next++));
  });
  PLMSSampler sampler(toy.model);
  BatchNoise noise(3, c10::kCPU);
  const auto run = run_recorded(sampler, toy_request(5), noise);  // 200 timesteps apart: 5 steps, 6 calls
  const std::vector<double> mixed{(e[0] + e[1]) / 2, (3 * e[2] - e[0]) / 2,
                                  (23 * e[3] - 16 * e[2] + 5 * e[0]) / 12,
                                  (55 * e[4] - 59 * e[3] + 37 * e[2] - 9 * e[0]) / 24,
                                  (55 * e[5] - 59 * e[4] + 37 * e[3] - 9 * e[2]) / 24};
  const std::vector<double> unmixed{e[0], e[2], e[3], e[4], e[5]};
  const auto descending = sampler.timesteps(5);
  at::Tensor x = run.result.x_inter[0].to(at::kDouble);
  for (std::size_t i = 0; i < 5; ++i) {
    const auto alpha_at = [&](double t) {
      return toy.alphas_cumprod()[static_cast<std::int64_t>(t)].item<double>();
    };
    const double a = alpha_at(descending[i]), a_prev = alpha_at(i < 4 ? descending[i + 1] : 0);
    const at::Tensor pred_x0 = (x - std::sqrt(1 - a) * mixed[i]) / std::sqrt(a);
    x = std::sqrt(a_prev) * pred_x0 + std::sqrt(1 - a_prev) * mixed[i];
    EXPECT_LT(max_difference(run.steps[i].pred_x0, pred_x0), 1e-4) << "step " << i;
    EXPECT_LT(max_difference(run.steps[i].x, x), 1e-4) << "step " << i;
    EXPECT_LT(max_difference(run.steps[i].eps, at::full_like(x, unmixed[i])), 1e-6) << "step " << i;
  }
}

TEST(PLMS, RefusesEta) {
  const ToyModel toy = make_toy(mixed_prediction);
  SamplingRequest request = toy_request(5);
  request.eta = 0.1;
  BatchNoise noise(3, c10::kCPU);
  EXPECT_THROW(PLMSSampler(toy.model).sample(request, noise), std::invalid_argument);
}

TEST(PLMS, ComesCloserToTheFlowThanDdim) {
  const ToyModel toy = make_toy(testing::gaussian_prediction(0.5));
  const auto error_of = [&](const char* name) {
    const auto sampler = make_sampler(name, toy.model);
    BatchNoise noise(3, c10::kCPU);
    const SamplingResult result = sampler->sample(toy_request(50), noise);
    const double scale =
        testing::gaussian_scale(0.5, 0) / testing::gaussian_scale(0.5, sampler->timesteps(50).front());
    return max_difference(result.samples, scale * result.x_inter[0]);
  };
  EXPECT_LT(error_of("plms"), 0.2 * error_of("ddim"));
}

}  // namespace
}  // namespace ldm
