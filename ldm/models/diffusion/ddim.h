#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "ldm/models/diffusion/sampler.h"

namespace ldm {

/// How many steps img2img runs: strength * steps, cut off in floating point as the reference does (0.29 of
/// 100 is 28). Throws std::invalid_argument for a strength outside [0, 1].
std::int64_t encode_steps(double strength, std::int64_t steps);

/// ldm.models.diffusion.ddim.DDIMSampler (arXiv:2010.02502, eq. 12), with the two halves of img2img. Step
/// noise is drawn at eta 0 as well.
///
/// Its timesteps are range(0, 1000, 1000 // steps) + 1, or linspace(0, sqrt(800), steps)^2 + 1 for "quad":
/// 24 steps asked for are 25. Timesteps above 999, on which the reference crashes, are left out: 501 to 1000
/// steps run 999.
class DDIMSampler : public Sampler {
 public:
  explicit DDIMSampler(std::shared_ptr<DDPMImpl> model);

  std::string name() const override { return "ddim"; }
  std::vector<double> timesteps(std::int64_t steps,
                                const std::string& ddim_discretize = "uniform") const override;
  SamplingResult sample(const SamplingRequest& request, NoiseSource& noise) override;

  /// img2img, first half: x0 [B, C, h, w] noised to the level of step `t_enc` (>= 0) of the request's steps,
  /// counted from the clean end. Past the last step, where the reference crashes (strength 1), the last one's
  /// level is used. Draws NoiseUse::encode.
  at::Tensor stochastic_encode(const at::Tensor& x0, std::int64_t t_enc, const SamplingRequest& request,
                               NoiseSource& noise);
  /// img2img, second half: the last `t_start` steps of the request's, from x_latent on; 0 gives x_latent
  /// back. The request's batch_size, shape and x_T are not looked at: x_latent has them.
  SamplingResult decode(const at::Tensor& x_latent, std::int64_t t_start, const SamplingRequest& request,
                        NoiseSource& noise);

 private:
  std::shared_ptr<DDPMImpl> model_;
};

}  // namespace ldm
