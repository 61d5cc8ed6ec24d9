#pragma once

#include <ATen/core/Tensor.h>
#include <c10/core/InferenceMode.h>

#include <cstdint>

#include "ldm/models/diffusion/guided_denoiser.h"
#include "ldm/models/diffusion/sampler.h"

namespace ldm {

/// What the runs of all samplers share: checks, the start latent, guidance, step noise, the known part under
/// a mask, intermediates and the callback. While it lives, inference mode is on and so is autocast where the
/// request's precision asks for it; it must be destroyed on its own thread, before whatever was opened
/// earlier.
class SamplingRun {
 public:
  /// `model`, `request` and `noise` must outlive this. total_steps: of the run, for the callback;
  /// log_every_t: used unless the request has its own. Throws std::invalid_argument for a request that does
  /// not fit the model.
  SamplingRun(DDPMImpl& model, const SamplingRequest& request, NoiseSource& noise, std::int64_t total_steps,
              std::int64_t log_every_t);

  /// x_T: the request's or a draw, float32 [B, C, h, w] on the device. Call once.
  at::Tensor start();
  /// `timestep` for each row: int64 [B].
  at::Tensor timesteps(std::int64_t timestep) const;
  /// The guided prediction for x [B, C, h, w] at t [B]: what the model predicts, which need not be eps
  /// (DDPMImpl::predict_eps turns it into that).
  at::Tensor predict(const at::Tensor& x, const at::Tensor& t) { return denoise_(x, t); }
  /// x with its known part replaced by x0 noised to timestep t [B]; x itself without a mask.
  at::Tensor with_known_part(const at::Tensor& x, const at::Tensor& t);
  /// Fresh noise of a step times `sigma` (broadcast) times the temperature, after dropout.
  at::Tensor step_noise(const at::Tensor& sigma);
  /// pred_x0 as it is, or replaced by the first stage's codes where the request says so.
  at::Tensor quantized(const at::Tensor& pred_x0);
  /// Logs the step `index` that gave x and calls the callback; false: stop.
  bool report(std::int64_t index, double timestep, const at::Tensor& x, const at::Tensor& pred_x0,
              const at::Tensor& eps);
  /// The result of a run that ended with x. Call once.
  SamplingResult finish(const at::Tensor& x);

 private:
  std::vector<std::int64_t> sizes() const;

  c10::InferenceMode inference_;
  AutocastScope autocast_;
  DDPMImpl& model_;
  const SamplingRequest& request_;
  NoiseSource& noise_;
  std::int64_t total_steps_, log_every_t_;
  at::Tensor mask_, x0_;
  GuidedDenoiser denoise_;
  SamplingResult result_;
};

}  // namespace ldm
