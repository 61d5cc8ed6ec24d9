#pragma once

#include <memory>
#include <string>
#include <vector>

#include "ldm/models/diffusion/sampler.h"

namespace ldm {

/// ldm.models.diffusion.dpm_solver.DPMSolverSampler: DPM-Solver++ (arXiv:2211.01095) as the reference sets it
/// up: multistep, order 2, predicting x0, times evenly spaced from 1 to 1/N, the last step of order 1 when
/// there are fewer than 15. n steps make n calls of the network, at fractional timesteps. One step, which the
/// reference refuses, is a single first-order one.
///
/// It draws no step noise: eta, temperature and noise_dropout have nothing to act on and, with
/// ddim_discretize, are not looked at. Refuses mask and quantize_x0, which the reference ignores.
class DPMSolverSampler : public Sampler {
 public:
  explicit DPMSolverSampler(std::shared_ptr<DDPMImpl> model);

  std::string name() const override { return "dpm_solver"; }
  std::vector<double> timesteps(std::int64_t steps,
                                const std::string& ddim_discretize = "uniform") const override;
  SamplingResult sample(const SamplingRequest& request, NoiseSource& noise) override;

 private:
  std::shared_ptr<DDPMImpl> model_;
};

}  // namespace ldm
