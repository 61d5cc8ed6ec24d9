#include "ldm/models/diffusion/plms.h"

#include <ATen/ATen.h>

#include <algorithm>
#include <deque>
#include <stdexcept>

#include "ldm/models/diffusion/ddim_schedule.h"

namespace ldm {
namespace {

constexpr std::int64_t kLogEveryT = 100;
constexpr std::size_t kHistory = 3;

/// Adams-Bashforth over e_t and the predictions before it, newest first; at least one.
at::Tensor multistep_eps(const at::Tensor& e_t, const std::deque<at::Tensor>& old_eps) {
  if (old_eps.size() == 1) return (3 * e_t - old_eps[0]) / 2;
  if (old_eps.size() == 2) return (23 * e_t - 16 * old_eps[0] + 5 * old_eps[1]) / 12;
  return (55 * e_t - 59 * old_eps[0] + 37 * old_eps[1] - 9 * old_eps[2]) / 24;
}

}  // namespace

PLMSSampler::PLMSSampler(std::shared_ptr<DDPMImpl> model) : model_(std::move(model)) {}

std::vector<double> PLMSSampler::timesteps(std::int64_t steps, const std::string& ddim_discretize) const {
  return DdimSchedule::run_timesteps(*model_, steps, ddim_discretize);
}

SamplingResult PLMSSampler::sample(const SamplingRequest& request, NoiseSource& noise) {
  if (request.eta != 0) {
    throw std::invalid_argument("eta: expected 0 for plms, got " + std::to_string(request.eta) +
                                ": use ddim for noise in the steps");
  }
  const DdimSchedule schedule(*model_, request.steps, request.ddim_discretize, /*eta=*/0);
  const std::int64_t total = schedule.size();
  SamplingRun run(*model_, request, noise, total, kLogEveryT);
  const auto eps_at = [&](const at::Tensor& latent, const at::Tensor& t) {
    return model_->predict_eps(latent, t, run.predict(latent, t));
  };
  const auto step = [&](std::int64_t index, const at::Tensor& latent, const at::Tensor& eps) {
    return ddim_update(schedule, index, eps, schedule.pred_x0(index, latent, eps), run);
  };
  std::deque<at::Tensor> old_eps;
  at::Tensor x = run.start();
  for (std::int64_t i = 0; i < total; ++i) {
    const std::int64_t index = total - i - 1;
    const std::int64_t timestep = schedule.timesteps[static_cast<std::size_t>(index)];
    const at::Tensor t = run.timesteps(timestep);
    x = run.with_known_part(x, t);
    const at::Tensor e_t = eps_at(x, t);
    at::Tensor e_t_prime;
    if (old_eps.empty()) {
      const auto next = static_cast<std::size_t>(std::max<std::int64_t>(index - 1, 0));
      const at::Tensor ahead = step(index, x, e_t).x_prev;
      e_t_prime = (e_t + eps_at(ahead, run.timesteps(schedule.timesteps[next]))) / 2;
    } else {
      e_t_prime = multistep_eps(e_t, old_eps);
    }
    const DdimUpdate update = step(index, x, e_t_prime);
    x = update.x_prev;
    old_eps.push_front(e_t);
    if (old_eps.size() > kHistory) old_eps.pop_back();
    if (!run.report(i, static_cast<double>(timestep), x, update.pred_x0, e_t)) break;
  }
  return run.finish(x);
}

}  // namespace ldm
