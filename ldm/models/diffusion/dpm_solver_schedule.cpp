#include "ldm/models/diffusion/dpm_solver_schedule.h"

#include <ATen/ATen.h>

namespace ldm {

DpmNoiseSchedule::DpmNoiseSchedule(const at::Tensor& alphas_cumprod)
    : total_n_(alphas_cumprod.size(0)),
      times_(at::linspace(0.0, 1.0, total_n_ + 1, alphas_cumprod.options()).slice(0, 1)),
      log_alphas_(0.5 * alphas_cumprod.log()) {
  TORCH_CHECK(total_n_ >= 2, "DpmNoiseSchedule: expected at least 2 timesteps, got ", total_n_);
}

at::Tensor DpmNoiseSchedule::marginal_log_mean_coeff(const at::Tensor& t) const {
  // The segment that ends at the first time not before t; the outermost ones beyond the ends.
  const at::Tensor left = (at::searchsorted(times_.contiguous(), t.contiguous()) - 1).clamp(0, total_n_ - 2);
  const at::Tensor x0 = times_.index({left}), x1 = times_.index({left + 1});
  const at::Tensor y0 = log_alphas_.index({left}), y1 = log_alphas_.index({left + 1});
  return y0 + (t - x0) * (y1 - y0) / (x1 - x0);
}

at::Tensor DpmNoiseSchedule::marginal_alpha(const at::Tensor& t) const {
  return marginal_log_mean_coeff(t).exp();
}

at::Tensor DpmNoiseSchedule::marginal_std(const at::Tensor& t) const {
  return (1.0 - (2.0 * marginal_log_mean_coeff(t)).exp()).sqrt();
}

at::Tensor DpmNoiseSchedule::marginal_lambda(const at::Tensor& t) const {
  const at::Tensor log_alpha = marginal_log_mean_coeff(t);
  return log_alpha - 0.5 * (1.0 - (2.0 * log_alpha).exp()).log();
}

at::Tensor DpmNoiseSchedule::model_input_time(const at::Tensor& t) const {
  return (t - 1.0 / static_cast<double>(total_n_)) * 1000.0;
}

at::Tensor DpmNoiseSchedule::time_uniform(std::int64_t steps) const {
  return at::linspace(1.0, 1.0 / static_cast<double>(total_n_), steps + 1, times_.options());
}

}  // namespace ldm
