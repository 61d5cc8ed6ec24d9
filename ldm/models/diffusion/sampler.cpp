#include "ldm/models/diffusion/sampler.h"

#include <stdexcept>

#include "ldm/models/diffusion/ancestral.h"
#include "ldm/models/diffusion/ddim.h"
#include "ldm/models/diffusion/dpm_solver.h"
#include "ldm/models/diffusion/plms.h"

namespace ldm {

const std::vector<std::string>& sampler_names() {
  static const std::vector<std::string> names{"ddim", "plms", "dpm_solver", "ddpm"};
  return names;
}

std::unique_ptr<Sampler> make_sampler(const std::string& name, std::shared_ptr<DDPMImpl> model) {
  if (name == "ddim") return std::make_unique<DDIMSampler>(std::move(model));
  if (name == "plms") return std::make_unique<PLMSSampler>(std::move(model));
  if (name == "dpm_solver") return std::make_unique<DPMSolverSampler>(std::move(model));
  if (name == "ddpm") return std::make_unique<AncestralSampler>(std::move(model));
  std::string known;
  for (const std::string& each : sampler_names()) known += (known.empty() ? "" : ", ") + each;
  throw std::invalid_argument("sampler: expected one of " + known + ", got '" + name + "'");
}

}  // namespace ldm
