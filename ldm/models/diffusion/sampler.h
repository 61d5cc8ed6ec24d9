#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "ldm/models/diffusion/ddpm.h"
#include "ldm/models/diffusion/diffusion_wrapper.h"
#include "ldm/models/diffusion/noise_source.h"
#include "ldm/ops/precision.h"

namespace ldm {

/// What a sampler tells after each step. The tensors live on the model's device and are not written to later.
struct SamplingStep {
  std::int64_t index = 0;  ///< steps done before this one, 0 .. total - 1
  std::int64_t total = 0;
  double timestep = 0;  ///< at which the network was asked, in [0, 1000); fractional for DPM-Solver
  at::Tensor x;         ///< [B, C, h, w] after the step
  at::Tensor pred_x0;   ///< [B, C, h, w], the step's estimate of the clean latent
  at::Tensor eps;  ///< [B, C, h, w], the guided prediction at the step's start as noise, before any mixing
};

/// Called after each step, on the sampling thread; false ends the run after this step.
using StepCallback = std::function<bool(const SamplingStep& step)>;

/// The reference's score_corrector.modify_score: takes the guided prediction e_t for the latent x at
/// timesteps t [B] under conditioning c, gives the one to use. Called once for each prediction. Only for
/// models that predict eps.
using ScoreCorrector = std::function<at::Tensor(const at::Tensor& e_t, const at::Tensor& x,
                                                const at::Tensor& t, const Conditioning& c)>;

/// One run of a sampler: the arguments of the reference's `sample`, under its names and defaults. Tensors may
/// lie on any device. Undefined tensors and empty functions stand for None.
struct SamplingRequest {
  /// 1 .. the model's timesteps (1000). How many steps that makes depends on the sampler: `timesteps` says.
  std::int64_t steps = 50;
  std::int64_t batch_size = 1;
  std::vector<std::int64_t> shape;  ///< of one latent: [C, h, w]

  Conditioning conditioning;  ///< B rows in each tensor
  /// The same form as `conditioning`. Used unless the scale is 1; absent: no guidance.
  std::optional<Conditioning> unconditional_conditioning;
  double unconditional_guidance_scale = 1.0;

  double eta = 0.0;  ///< >= 0: share of a DDPM step's noise. DDIM only; PLMS refuses it, the rest ignores it
  std::string ddim_discretize = "uniform";  ///< spacing of DDIM's and PLMS's timesteps: "uniform" or "quad"
  at::Tensor x_T;                           ///< start latent [B, C, h, w] in place of a draw
  /// Inpainting: where mask [B or 1, C or 1, h, w] is 1 the latent x0 [B or 1, C, h, w] is kept. Both or
  /// none.
  at::Tensor mask, x0;
  double temperature = 1.0;    ///< factor of the step noise, >= 0
  double noise_dropout = 0.0;  ///< dropout of the step noise, in [0, 1]
  bool quantize_x0 = false;    ///< each pred_x0 is replaced by the first stage's nearest codes (VQ only)
  ScoreCorrector score_corrector;
  StepCallback callback;
  std::int64_t log_every_t = 0;  ///< distance of the logged intermediates; 0: the sampler's own default
  Precision precision = Precision::full;
};

/// What a run gives. All tensors are on the model's device, float32 [B, C, h, w].
struct SamplingResult {
  at::Tensor samples;  ///< the last latent, also of a cancelled run
  /// Logged states: x_T, then after the first step and each whose countdown is a multiple of log_every_t. The
  /// first entry of pred_x0 is x_T too, as in the reference.
  std::vector<at::Tensor> x_inter, pred_x0;
  bool cancelled = false;  ///< the callback ended the run
};

/// The role "sampler": turns noise into latents by asking a diffusion model for its prediction at falling
/// timesteps. Classifier-free guidance is one call with twice the batch, unconditional half first; at scale 1
/// there is no unconditional half. A sampler keeps no state between runs and knows no files.
class Sampler {
 public:
  virtual ~Sampler() = default;
  /// "ddim", "plms", "dpm_solver" or "ddpm".
  virtual std::string name() const = 0;
  /// The timesteps of a run in its order, one for each step: those at which the network is asked (PLMS asks a
  /// second time in its first step). Throws std::invalid_argument for steps outside 1 .. the model's
  /// timesteps, or another discretization than "uniform" and "quad".
  virtual std::vector<double> timesteps(std::int64_t steps,
                                        const std::string& ddim_discretize = "uniform") const = 0;
  /// Runs. Gradients are off and c10::InferenceMode is on inside. Throws std::invalid_argument for a request
  /// that does not fit the sampler or the model, naming the field; c10::Error from the network.
  virtual SamplingResult sample(const SamplingRequest& request, NoiseSource& noise) = 0;
};

/// The names that make_sampler knows.
const std::vector<std::string>& sampler_names();

/// The sampler of that name for a model, which may be a LatentDiffusion. Throws std::invalid_argument naming
/// the known ones for any other name.
std::unique_ptr<Sampler> make_sampler(const std::string& name, std::shared_ptr<DDPMImpl> model);

}  // namespace ldm
