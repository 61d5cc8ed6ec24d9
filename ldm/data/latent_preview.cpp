#include "ldm/data/latent_preview.h"

#include <ATen/ATen.h>

#include <sstream>
#include <stdexcept>

namespace ldm::data {
namespace {

// Rows are the latent's channels, columns are red, green and blue in [-1, 1].
constexpr float kFactors[4][3] = {
    {0.298f, 0.207f, 0.208f},
    {0.187f, 0.286f, 0.173f},
    {-0.158f, 0.189f, 0.264f},
    {-0.184f, -0.271f, -0.473f},
};

void check_latent(const at::Tensor& x0) {
  if (x0.defined() && x0.dim() == 4 && x0.size(1) == 4 && x0.is_floating_point()) return;
  std::ostringstream message;
  message << "latent_preview: expected floating point latents [B, 4, h, w] of Stable Diffusion v1, got ";
  if (x0.defined()) {
    message << x0.scalar_type() << " " << x0.sizes();
  } else {
    message << "an undefined tensor";
  }
  throw std::invalid_argument(message.str());
}

}  // namespace

at::Tensor latent_preview(const at::Tensor& x0) {
  check_latent(x0);
  const at::Tensor factors = at::tensor(at::ArrayRef<float>(&kFactors[0][0], 12)).view({4, 3});
  const at::Tensor latent = x0.detach().to(at::kCPU, at::kFloat).permute({0, 2, 3, 1});
  const at::Tensor unit = at::matmul(latent, factors).add_(1.0).div_(2.0).nan_to_num_(0.0);
  return unit.clamp_(0.0, 1.0).mul_(255.0).to(at::kByte).contiguous();
}

}  // namespace ldm::data
