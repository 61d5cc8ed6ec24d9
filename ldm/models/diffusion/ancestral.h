#pragma once

#include <memory>
#include <string>
#include <vector>

#include "ldm/models/diffusion/sampler.h"

namespace ldm {

/// The reference's DDPM.p_sample_loop (arXiv:2006.11239, algorithm 2): ancestral sampling, one step for each
/// timestep. n steps pass the timesteps n - 1 .. 0, so that only the model's full number (1000) starts where
/// x_T is pure noise; fewer are for latents that are noised less. Noise is drawn at timestep 0 too, and not
/// used. Takes guidance like the others, which the reference has not. eta and ddim_discretize are not looked
/// at; log_every_t defaults to the model's.
class AncestralSampler : public Sampler {
 public:
  /// Throws std::invalid_argument for a model that noises its conditioning (num_timesteps_cond above 1).
  explicit AncestralSampler(std::shared_ptr<DDPMImpl> model);

  std::string name() const override { return "ddpm"; }
  std::vector<double> timesteps(std::int64_t steps,
                                const std::string& ddim_discretize = "uniform") const override;
  /// With a mask the known part is put in after each step, unlike in DDIM and PLMS.
  SamplingResult sample(const SamplingRequest& request, NoiseSource& noise) override;

 private:
  std::shared_ptr<DDPMImpl> model_;
};

}  // namespace ldm
