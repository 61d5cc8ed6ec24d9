#pragma once

#include <ATen/core/Tensor.h>

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "ldm/models/diffusion/dpm_solver_schedule.h"
#include "ldm/models/diffusion/latent_diffusion.h"
#include "ldm/models/diffusion/sampler.h"

namespace ldm::testing {

/// One call that a network got.
struct NetworkCall {
  at::Tensor x, t, context;
};

/// A network without weights that computes a given function of each row, and remembers its calls.
class ToyNetwork : public DiffusionNetwork {
 public:
  using Function = std::function<at::Tensor(const NetworkCall& call)>;
  explicit ToyNetwork(Function function) : function_(std::move(function)) {}

  torch::Tensor forward(const torch::Tensor& x, const torch::Tensor& timesteps,
                        const std::optional<torch::Tensor>& context,
                        const std::optional<torch::Tensor>& y) override;

  std::vector<NetworkCall> calls;

 private:
  Function function_;
};

/// A first stage whose codes are the integers.
class IntegerFirstStage : public FirstStage {
 public:
  FirstStageEncoding encode(const torch::Tensor& x) override { return x; }
  torch::Tensor decode(const torch::Tensor& z) override { return z; }
  bool can_quantize() const override { return true; }
  torch::Tensor quantize(const torch::Tensor& z) override;
};

/// A diffusion model with SD v1's schedule over a toy network.
struct ToyModel {
  std::shared_ptr<ToyNetwork> network;
  std::shared_ptr<LatentDiffusionImpl> model;

  /// The timesteps that the network was asked at, one for each call.
  std::vector<double> call_timesteps() const;
  at::Tensor alphas_cumprod() const { return model->schedule("alphas_cumprod").to(at::kDouble); }
};

struct ToyOptions {
  Parameterization parameterization = Parameterization::eps;
  std::string loss_type = "l2";
  std::optional<LossWeighting> loss_weighting;
  std::shared_ptr<FirstStage> first_stage = std::make_shared<IdentityFirstStageImpl>();
};

ToyModel make_toy(ToyNetwork::Function function, const ToyOptions& options = {});

/// x / 2 + t / 2000 + the context's mean: depends on all that a network is given.
at::Tensor mixed_prediction(const NetworkCall& call);

/// The exact noise prediction for data that are normal with mean 0 and deviation `data_std`, at integer and
/// fractional timesteps. Under it the probability flow keeps x in proportion to sqrt(a s^2 + 1 - a).
ToyNetwork::Function gaussian_prediction(double data_std);
/// That scale at a timestep.
double gaussian_scale(double data_std, double timestep);

/// A request for `batch` latents [2, 3, 4] under a context of ones, without guidance.
SamplingRequest toy_request(std::int64_t steps, std::int64_t batch = 1);

/// A context [batch, 1, 2] of one value.
Conditioning toy_context(std::int64_t batch, double value);

/// What the callback is told in a run, step by step.
struct RecordedRun {
  std::vector<SamplingStep> steps;
  SamplingResult result;
};
RecordedRun run_recorded(Sampler& sampler, SamplingRequest request, NoiseSource& noise);

/// The largest difference between elements.
double max_difference(const at::Tensor& a, const at::Tensor& b);

}  // namespace ldm::testing
