#include "ldm/training/grad_scaler.h"

#include <ATen/ATen.h>
#include <ATen/core/grad_mode.h>

#include "ldm/checkpoint/scalar.h"

namespace ldm::training {
namespace {

constexpr double kInitialScale = 65536, kGrowthFactor = 2, kBackoffFactor = 0.5;
constexpr std::int64_t kGrowthInterval = 2000;

}  // namespace

GradScaler::GradScaler(c10::Device device)
    : scale_(at::full({}, kInitialScale, at::TensorOptions(at::kFloat).device(device))),
      growth_tracker_(at::zeros({}, at::TensorOptions(at::kInt).device(device))),
      found_inf_(at::zeros({}, at::TensorOptions(at::kFloat).device(device))) {}

at::Tensor GradScaler::scale(const at::Tensor& loss) const {
  return loss * scale_;
}

bool GradScaler::unscale(const std::vector<at::Tensor>& gradients) {
  const at::NoGradGuard no_grad;
  found_inf_.zero_();
  // In float64, as in Python: the reciprocal of a power of two is exact anyway, others lose least.
  const at::Tensor inverse = scale_.to(at::kDouble).reciprocal().to(at::kFloat);
  if (!gradients.empty()) at::_amp_foreach_non_finite_check_and_unscale_(gradients, found_inf_, inverse);
  return found_inf_.item<float>() == 0;
}

void GradScaler::update() {
  const at::NoGradGuard no_grad;
  at::_amp_update_scale_(scale_, growth_tracker_, found_inf_, kGrowthFactor, kBackoffFactor, kGrowthInterval);
}

checkpoint::CkptValue GradScaler::state_dict() const {
  using checkpoint::Scalar;
  auto dict = checkpoint::CkptValue::dict();
  dict.add("scale", Scalar(scale_value())).add("growth_factor", Scalar(kGrowthFactor));
  dict.add("backoff_factor", Scalar(kBackoffFactor)).add("growth_interval", Scalar(kGrowthInterval));
  dict.add("_growth_tracker", Scalar(growth_tracker_.item<std::int64_t>()));
  return dict;
}

void GradScaler::load(const checkpoint::StateDict& training_state, const std::string& prefix) {
  for (const checkpoint::NamedScalar& scalar : training_state.notes().scalars) {
    if (scalar.name == prefix + ".scale") scale_.fill_(std::get<double>(scalar.value));
    if (scalar.name == prefix + "._growth_tracker") {
      growth_tracker_.fill_(std::get<std::int64_t>(scalar.value));
    }
  }
}

}  // namespace ldm::training
