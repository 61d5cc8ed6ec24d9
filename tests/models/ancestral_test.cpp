#include "ldm/models/diffusion/ancestral.h"

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

/// A step of algorithm 2 of arXiv:2006.11239, in double.
at::Tensor posterior_step(const ToyModel& toy, const at::Tensor& x, const at::Tensor& x0, std::int64_t t,
                          const at::Tensor& noise) {
  const double a = toy.alphas_cumprod()[t].item<double>();
  const double a_prev = t > 0 ? toy.alphas_cumprod()[t - 1].item<double>() : 1.0;
  const double beta = 1 - a / a_prev;
  const at::Tensor mean =
      (std::sqrt(a_prev) * beta * x0 + std::sqrt(a / a_prev) * (1 - a_prev) * x) / (1 - a);
  return t > 0 ? mean + std::sqrt(beta * (1 - a_prev) / (1 - a)) * noise : mean;
}

TEST(Ancestral, EveryStepSamplesThePosterior) {
  for (const auto parameterization : {Parameterization::eps, Parameterization::x0, Parameterization::v}) {
    testing::ToyOptions options;
    options.parameterization = parameterization;
    const ToyModel toy = make_toy(mixed_prediction, options);
    AncestralSampler sampler(toy.model);
    SamplingRequest request = toy_request(6, 2);
    request.temperature = 0.5;
    BatchNoise source(3, c10::kCPU);
    RecordingNoise noise(source);
    const auto run = run_recorded(sampler, request, noise);
    const auto step_noise = noise.draws(NoiseUse::step);
    ASSERT_EQ(step_noise.size(), 6U) << "drawn at timestep 0 too";
    EXPECT_EQ(toy.call_timesteps(), (std::vector<double>{5, 4, 3, 2, 1, 0}));

    at::Tensor x = noise.draws(NoiseUse::start).at(0).to(at::kDouble);
    for (std::size_t i = 0; i < 6; ++i) {
      const auto t = static_cast<std::int64_t>(5 - i);
      const double a = toy.alphas_cumprod()[t].item<double>();
      const at::Tensor prediction = x / 2 + static_cast<double>(t) / 2000 + 1;
      at::Tensor x0 = prediction;
      if (parameterization == Parameterization::eps) {
        x0 = (x - std::sqrt(1 - a) * prediction) / std::sqrt(a);
      } else if (parameterization == Parameterization::v) {
        x0 = std::sqrt(a) * x - std::sqrt(1 - a) * prediction;
      }
      x = posterior_step(toy, x, x0, t, 0.5 * step_noise[i]);
      EXPECT_LT(max_difference(run.steps[i].pred_x0, x0), 1e-4) << "step " << i;
      EXPECT_LT(max_difference(run.steps[i].x, x), 1e-4) << "step " << i;
    }
  }
}

TEST(Ancestral, KnownPartIsPutInAfterTheStep) {
  const ToyModel toy = make_toy(mixed_prediction);
  SamplingRequest request = toy_request(2);
  request.mask = at::ones({1, 1, 3, 4});
  request.x0 = at::full({1, 2, 3, 4}, 5.0);
  BatchNoise source(3, c10::kCPU);
  RecordingNoise noise(source);
  const at::Tensor samples = AncestralSampler(toy.model).sample(request, noise).samples;
  using Uses = std::vector<NoiseUse>;
  EXPECT_EQ(noise.uses(),
            (Uses{NoiseUse::start, NoiseUse::step, NoiseUse::q_sample, NoiseUse::step, NoiseUse::q_sample}));
  const double a = toy.alphas_cumprod()[0].item<double>();
  const at::Tensor known = std::sqrt(a) * request.x0 + std::sqrt(1 - a) * noise.draws(NoiseUse::q_sample)[1];
  EXPECT_LT(max_difference(samples, known), 1e-5);
}

// Latents have no range; images of a plain DDPM lie in [-1, 1].
TEST(Ancestral, ClampsTheEstimateForImagesOnly) {
  const auto network =
      std::make_shared<testing::ToyNetwork>([](const testing::NetworkCall& call) { return 9 * call.x; });
  DDPMOptions options;
  options.use_ema = false;
  const auto images = std::make_shared<DDPMImpl>(options, network);
  SamplingRequest request = toy_request(3);
  request.conditioning = {};
  BatchNoise noise(3, c10::kCPU);
  AncestralSampler sampler(images);
  const auto run = run_recorded(sampler, request, noise);
  for (const auto& step : run.steps) EXPECT_LE(step.pred_x0.abs().max().item<double>(), 1.0);

  const ToyModel toy = make_toy([](const testing::NetworkCall& call) { return 9 * call.x; });
  AncestralSampler latents(toy.model);
  const auto latent_run = run_recorded(latents, request = toy_request(3), noise);
  EXPECT_GT(latent_run.steps[0].pred_x0.abs().max().item<double>(), 1.0);
}

TEST(Ancestral, LogsByTheModelsOwnDistance) {
  const ToyModel toy = make_toy(mixed_prediction);  // DDPM's default: 100
  BatchNoise noise(3, c10::kCPU);
  const SamplingResult result = AncestralSampler(toy.model).sample(toy_request(250), noise);
  EXPECT_EQ(result.x_inter.size(), 1U + 4U) << "start, timesteps 249, 200, 100, 0";
}

TEST(Ancestral, RefusesAModelThatNoisesItsConditioning) {
  LatentDiffusionOptions options;
  options.ddpm.use_ema = false;
  options.num_timesteps_cond = 2;
  const auto network = std::make_shared<testing::ToyNetwork>(mixed_prediction);
  const auto model = std::make_shared<LatentDiffusionImpl>(
      options, network, std::make_shared<IdentityFirstStageImpl>(), nullptr);
  EXPECT_THROW(AncestralSampler{model}, std::invalid_argument);
}

}  // namespace
}  // namespace ldm
