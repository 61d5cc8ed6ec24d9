#include <ATen/ATen.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

#include "ldm/models/diffusion/sampler.h"
#include "tests/models/toy_diffusion.h"
#include "tests/support/files.h"

namespace ldm {
namespace {

using ::testing::HasSubstr;
using testing::make_toy;
using testing::max_difference;
using testing::mixed_prediction;
using testing::NetworkCall;
using testing::run_recorded;
using testing::toy_context;
using testing::toy_request;
using testing::ToyModel;
using testing::ToyNetwork;

const std::vector<Parameterization> kEach{Parameterization::eps, Parameterization::x0, Parameterization::v};

ToyModel toy_of(Parameterization parameterization, ToyNetwork::Function function) {
  testing::ToyOptions options;
  options.parameterization = parameterization;
  return make_toy(std::move(function), options);
}

/// The one of the three, [B, 2, 3, 4], that is predicted.
at::Tensor chosen(Parameterization parameterization, const at::Tensor& eps, const at::Tensor& x0,
                  const at::Tensor& v) {
  if (parameterization == Parameterization::v) return v;
  return parameterization == Parameterization::eps ? eps : x0;
}

/// What a perfect model of normal data predicts: their mean is the context's, their deviation 1/2. Linear in
/// x, and the same model under each parameterisation.
ToyNetwork::Function gaussian_model(Parameterization parameterization) {
  return [parameterization](const NetworkCall& call) {
    std::vector<double> levels;
    for (std::int64_t i = 0; i < call.t.size(0); ++i) {
      levels.push_back(testing::gaussian_scale(0, call.t[i].item<double>()));
    }
    const at::Tensor sigma = at::tensor(levels, at::kDouble).view({-1, 1, 1, 1});
    const at::Tensor alpha = (1 - sigma * sigma).sqrt();
    const at::Tensor mean = call.context.to(at::kDouble).mean({1, 2}).view({-1, 1, 1, 1});
    const at::Tensor scaled =
        (call.x.to(at::kDouble) - alpha * mean) / (0.25 * alpha * alpha + sigma * sigma);
    const at::Tensor eps = sigma * scaled, x0 = mean + 0.25 * alpha * scaled;
    return chosen(parameterization, eps, x0, alpha * eps - sigma * x0).to(at::kFloat);
  };
}

/// Three latents with their noise, float32 [3, 2, 3, 4], at one timestep each, and what follows from them in
/// double.
struct Noised {
  explicit Noised(const ToyModel& toy) {
    BatchNoise source(7, c10::kCPU);
    x = source.normal(NoiseUse::start, {3, 2, 3, 4}, c10::kCPU);
    noise = source.normal(NoiseUse::step, {3, 2, 3, 4}, c10::kCPU);
    abar = toy.alphas_cumprod().index({t});
    const at::Tensor alpha = abar.sqrt().view({-1, 1, 1, 1});
    const at::Tensor sigma = (1 - abar).sqrt().view({-1, 1, 1, 1});
    x_t = alpha * x + sigma * noise;
    v = alpha * noise - sigma * x;
  }

  at::Tensor t = at::tensor(std::vector<std::int64_t>{10, 400, 999}, at::kLong);
  at::Tensor x, noise;
  at::Tensor abar;    ///< [3]
  at::Tensor x_t, v;  ///< [3, 2, 3, 4]
};

TEST(Parameterization, HasThreeNamesAndNoOther) {
  EXPECT_EQ(parse_parameterization("eps"), Parameterization::eps);
  EXPECT_EQ(parse_parameterization("x0"), Parameterization::x0);
  EXPECT_EQ(parse_parameterization("v"), Parameterization::v);
  for (const Parameterization each : kEach) EXPECT_EQ(parse_parameterization(to_string(each)), each);
  for (const char* text : {"", "V", "velocity", "v_prediction"}) {
    EXPECT_THAT(testing::error_of<std::invalid_argument>([&] { parse_parameterization(text); }),
                HasSubstr("expected parameterization eps, x0 or v, got '" + std::string(text) + "'"));
  }
}

TEST(Parameterization, WeightsOfTheBoundAreOneForVAlone) {
  for (const Parameterization each : kEach) {
    const at::Tensor weights = make_noise_schedule({0.1, 0.2, 0.3}, 0, each).lvlb_weights;
    EXPECT_EQ(at::equal(weights, at::ones({3})), each == Parameterization::v) << to_string(each);
  }
}

TEST(Parameterization, VTurnsBackIntoTheCleanLatentAndTheNoise) {
  const ToyModel toy = make_toy(mixed_prediction);
  const Noised latents(toy);
  EXPECT_LT(max_difference(toy.model->get_v(latents.x, latents.noise, latents.t), latents.v), 1e-5);
  const at::Tensor x_t = latents.x_t.to(at::kFloat), v = latents.v.to(at::kFloat);
  EXPECT_LT(max_difference(toy.model->predict_start_from_z_and_v(x_t, latents.t, v), latents.x), 1e-5);
  EXPECT_LT(max_difference(toy.model->predict_eps_from_z_and_v(x_t, latents.t, v), latents.noise), 1e-5);
}

TEST(Parameterization, ModelTurnsItsOwnPredictionIntoX0AndEps) {
  for (const Parameterization each : kEach) {
    const ToyModel toy = toy_of(each, mixed_prediction);
    const Noised latents(toy);
    const at::Tensor x_t = latents.x_t.to(at::kFloat);
    const at::Tensor prediction = chosen(each, latents.noise, latents.x, latents.v).to(at::kFloat);
    EXPECT_LT(max_difference(toy.model->predict_start(x_t, latents.t, prediction), latents.x), 1e-4)
        << to_string(each);
    EXPECT_LT(max_difference(toy.model->predict_eps(x_t, latents.t, prediction), latents.noise), 1e-4)
        << to_string(each);
  }
}

TEST(Parameterization, LossIsTheErrorAgainstWhatIsPredicted) {
  for (const Parameterization each : kEach) {
    const ToyModel toy = toy_of(each, mixed_prediction);
    const Noised latents(toy);
    const at::Tensor per_row = latents.t.to(at::kDouble).view({-1, 1, 1, 1}) / 2000 + 1;
    const at::Tensor prediction = latents.x_t / 2 + per_row;
    const at::Tensor target = chosen(each, latents.noise, latents.x, latents.v);
    const double expected = (prediction - target).pow(2).mean().item<double>();
    const TrainingLoss loss = toy.model->p_losses(latents.x, toy_context(3, 1.0), latents.t, latents.noise);
    EXPECT_NEAR(loss.loss.item<double>(), expected, 1e-5 * expected) << to_string(each);
  }
}

/// The weighted loss of the gaussian model, by the error of its eps whatever it predicts.
double weighted_loss(const Noised& latents, const Conditioning& cond, double exponent) {
  const NetworkCall call{latents.x_t, latents.t, cond.c_crossattn[0]};
  const at::Tensor eps = gaussian_model(Parameterization::eps)(call).to(at::kDouble);
  const at::Tensor error = (eps - latents.noise).abs().pow(exponent).flatten(1).mean(1);
  const at::Tensor weight = ((1 - latents.abar) / latents.abar).clamp_max(20) + 0.5;
  return ((weight * error).sum() / weight.sum()).item<double>();
}

TEST(Parameterization, WeightedLossOfAModelIsTheSameInEach) {
  for (const char* loss_type : {"l1", "l2"}) {
    for (const Parameterization each : kEach) {
      testing::ToyOptions options;
      options.parameterization = each;
      options.loss_type = loss_type;
      options.loss_weighting = LossWeighting{20, 0.5};
      const ToyModel toy = make_toy(gaussian_model(each), options);
      const Noised latents(toy);
      const Conditioning cond = toy_context(3, 1.0);
      const double expected = weighted_loss(latents, cond, std::string(loss_type) == "l1" ? 1 : 2);
      const TrainingLoss loss = toy.model->p_losses(latents.x, cond, latents.t, latents.noise);
      EXPECT_NEAR(loss.loss.item<double>(), expected, 1e-4 * expected) << loss_type << ' ' << to_string(each);
    }
  }
}

double relative_difference(const at::Tensor& a, const at::Tensor& expected) {
  return max_difference(a, expected) / expected.abs().max().item<double>();
}

/// A guided run of the gaussian model; with noise in the steps where the sampler takes some.
testing::RecordedRun gaussian_run(const std::string& sampler, Parameterization parameterization) {
  const ToyModel toy = toy_of(parameterization, gaussian_model(parameterization));
  SamplingRequest request = toy_request(sampler == "ddpm" ? 1000 : 20, 2);
  request.unconditional_conditioning = toy_context(2, -1.0);
  request.unconditional_guidance_scale = 3.0;
  if (sampler == "ddim") request.eta = 0.5;
  BatchNoise noise(3, c10::kCPU);
  return run_recorded(*make_sampler(sampler, toy.model), request, noise);
}

class EachSampler : public ::testing::TestWithParam<const char*> {};

INSTANTIATE_TEST_SUITE_P(Samplers, EachSampler, ::testing::Values("ddim", "plms", "dpm_solver", "ddpm"),
                         [](const auto& each) { return std::string(each.param); });

TEST_P(EachSampler, TakesTheSamePathWhateverTheModelPredicts) {
  const auto expected = gaussian_run(GetParam(), Parameterization::eps);
  for (const Parameterization each : {Parameterization::x0, Parameterization::v}) {
    const auto run = gaussian_run(GetParam(), each);
    ASSERT_EQ(run.steps.size(), expected.steps.size());
    EXPECT_LT(relative_difference(run.steps[0].eps, expected.steps[0].eps), 1e-4) << to_string(each);
    double x = 0, pred_x0 = 0;
    for (std::size_t i = 0; i < run.steps.size(); ++i) {
      x = std::max(x, relative_difference(run.steps[i].x, expected.steps[i].x));
      pred_x0 = std::max(pred_x0, relative_difference(run.steps[i].pred_x0, expected.steps[i].pred_x0));
    }
    EXPECT_LT(x, 1e-4) << to_string(each);
    EXPECT_LT(pred_x0, 1e-4) << to_string(each);
  }
}

TEST_P(EachSampler, TurnsHalfPredictionsIntoFloat) {
  for (const Parameterization each : {Parameterization::x0, Parameterization::v}) {
    const ToyModel toy = toy_of(each, mixed_prediction);
    SamplingRequest request = toy_request(4);
    request.precision = Precision::half;
    BatchNoise noise(1, c10::kCPU);
    const auto run = run_recorded(*make_sampler(GetParam(), toy.model), request, noise);
    EXPECT_EQ(run.steps[0].eps.scalar_type(), at::kFloat) << to_string(each);
    EXPECT_EQ(run.steps[0].x.scalar_type(), at::kFloat) << to_string(each);
    EXPECT_EQ(run.steps[0].pred_x0.scalar_type(), at::kFloat) << to_string(each);
  }
}

}  // namespace
}  // namespace ldm
