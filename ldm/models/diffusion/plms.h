#pragma once

#include <memory>
#include <string>
#include <vector>

#include "ldm/models/diffusion/sampler.h"

namespace ldm {

/// ldm.models.diffusion.plms.PLMSSampler (arXiv:2202.09778): DDIM's steps with eps taken from a linear
/// multistep formula over the last predictions (Adams-Bashforth, up to order 4). The first step looks ahead
/// once (improved Euler), so that n steps make n + 1 calls of the network, and draws its noise twice. The
/// history holds guided predictions before mixing, as eps whatever the model predicts.
///
/// Timesteps as DDIMSampler's. Refuses an eta other than 0.
class PLMSSampler : public Sampler {
 public:
  explicit PLMSSampler(std::shared_ptr<DDPMImpl> model);

  std::string name() const override { return "plms"; }
  std::vector<double> timesteps(std::int64_t steps,
                                const std::string& ddim_discretize = "uniform") const override;
  SamplingResult sample(const SamplingRequest& request, NoiseSource& noise) override;

 private:
  std::shared_ptr<DDPMImpl> model_;
};

}  // namespace ldm
