#include "ldm/parity/run_record.h"

#include <ATen/ATen.h>

#include "ldm/data/image_tensor.h"

namespace ldm::parity {
namespace {

/// Compares where the file has the tensor: cases keep different parts of their runs.
void compare_if_kept(CaseContext& context, const std::string& name, const std::vector<at::Tensor>& steps) {
  if (context.file.has_tensor(name)) context.comparison.compare(name, at::stack(steps));
}

void compare_sampled_if_kept(CaseContext& context, const std::string& name, const at::Tensor& values) {
  if (context.file.has_tensor(name)) context.comparison.compare_sampled(name, values);
}

void compare_if_kept(CaseContext& context, const std::string& name, const std::vector<double>& values) {
  if (context.file.has_tensor(name)) context.comparison.compare(name, at::tensor(values, at::kDouble));
}

}  // namespace

std::string iteration_name(const std::string& name, std::size_t iteration) {
  return iteration == 0 ? name : name + "." + std::to_string(iteration);
}

void RunRecord::watch(SamplingRequest& request) {
  request.callback = [this](const SamplingStep& step) {
    step_timesteps_.push_back(step.timestep);
    latents_.push_back(step.x);
    pred_x0_.push_back(step.pred_x0);
    eps_.push_back(step.eps);
    return true;
  };
  // Changes nothing: it is only told of each call.
  request.score_corrector = [this](const at::Tensor& e_t, const at::Tensor&, const at::Tensor& t,
                                   const Conditioning&) {
    call_timesteps_.push_back(t[0].item<double>());
    return e_t;
  };
}

void RunRecord::add(const SamplingResult& result, const at::Tensor& decoded) {
  starts_.push_back(result.x_inter.front());
  samples_.push_back(result.samples);
  decoded_.push_back(decoded);
}

void RunRecord::compare_sampling(CaseContext& context) const {
  for (std::size_t i = 0; i < starts_.size(); ++i) {
    const std::string name = iteration_name("x_T", i);
    if (context.file.has_tensor(name)) context.comparison.compare(name, starts_[i]);
  }
  compare_if_kept(context, "unet_call_t", call_timesteps_);
  compare_if_kept(context, "noise_per_call", noise_.draws(NoiseUse::step));
  compare_if_kept(context, "q_noise_per_step", noise_.draws(NoiseUse::q_sample));
  compare_sampled_if_kept(context, "latents_per_step", at::stack(latents_));
  compare_sampled_if_kept(context, "pred_x0_per_step", at::stack(pred_x0_));
  compare_sampled_if_kept(context, "eps_per_step", at::stack(eps_));
  compare_sampled_if_kept(context, "final_latent", at::cat(samples_));
}

void RunRecord::compare_images(CaseContext& context, std::int64_t n_rows) const {
  const at::Tensor decoded = at::cat(decoded_);
  compare_sampled_if_kept(context, "decoded_f16", decoded);
  const at::Tensor images = data::to_image_u8(decoded);
  if (context.file.has_tensor("image_u8")) context.comparison.compare("image_u8", images);
  if (context.file.has_tensor("grid_u8")) {
    context.comparison.compare("grid_u8", data::make_grid(images, n_rows));
  }
}

}  // namespace ldm::parity
