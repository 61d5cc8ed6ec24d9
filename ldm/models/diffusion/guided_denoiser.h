#pragma once

#include <ATen/core/Tensor.h>

#include "ldm/models/diffusion/ddpm.h"
#include "ldm/models/diffusion/sampler.h"

namespace ldm {

/// A model's prediction under classifier-free guidance (arXiv:2207.12598) for one run: the only place where
/// samplers ask the network.
///
/// The network is called once with twice the batch, rows [uncond, cond], and the two halves are mixed in the
/// dtype that it returns (half under autocast on CUDA), as in the reference. At scale 1, or without an
/// unconditional conditioning, it is called with the batch alone. Guidance acts on what the model predicts,
/// be it eps, x0 or v: mixing commutes with turning one into another.
class GuidedDenoiser {
 public:
  /// Moves the conditionings to the model's device and, for half weights, to their dtype; joins them once.
  /// `model` and `request` must outlive this. Throws std::invalid_argument for conditionings that do not have
  /// the request's batch_size rows, or are not of one form.
  GuidedDenoiser(DDPMImpl& model, const SamplingRequest& request);

  /// x [B, C, h, w] float32, t [B], integer or fractional -> the guided prediction [B, C, h, w], after the
  /// request's score_corrector.
  at::Tensor operator()(const at::Tensor& x, const at::Tensor& t);

 private:
  at::Tensor guided(const at::Tensor& x, const at::Tensor& t);

  DDPMImpl& model_;
  const SamplingRequest& request_;
  bool guides_;
  Conditioning cond_;    ///< the conditional half, for the score corrector
  Conditioning joined_;  ///< what the network gets
};

}  // namespace ldm
