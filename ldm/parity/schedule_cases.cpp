#include <ATen/ATen.h>

#include <sstream>

#include "ldm/models/diffusion/dpm_solver_schedule.h"
#include "ldm/models/diffusion/noise_schedule.h"
#include "ldm/modules/diffusionmodules/util.h"
#include "ldm/parity/runner.h"

namespace ldm::parity {
namespace {

constexpr std::int64_t kTimesteps = 1000;

std::vector<std::string> split(const std::string& text) {
  std::vector<std::string> words;
  std::istringstream stream(text);
  for (std::string word; std::getline(stream, word, '.');) words.push_back(word);
  return words;
}

at::Tensor doubles(const std::vector<double>& values) {
  return at::tensor(values, at::kDouble);
}

/// Constants of one sampler, "METHOD.STEPS.*".
void run_sampler_tensor(CaseContext& context, const std::string& name, const at::Tensor& alphas_cumprod) {
  const auto words = split(name);
  const auto timesteps = make_ddim_timesteps(words[0], std::stoll(words[1]), kTimesteps);
  const std::string& last = words.back();
  if (last == "timesteps") {
    context.comparison.compare(name, at::tensor(timesteps, at::kLong));
    return;
  }
  // "eta0.5" is cut in two by the dot.
  const double eta = words.size() == 5 ? std::stod(words[2].substr(3) + "." + words[3]) : 0.0;
  const auto parameters =
      make_ddim_sampling_parameters(alphas_cumprod, within_schedule(timesteps, kTimesteps), eta);
  const at::Tensor alphas = doubles(parameters.alphas);
  if (last == "alphas") context.comparison.compare(name, alphas);
  if (last == "alphas_prev") context.comparison.compare(name, doubles(parameters.alphas_prev));
  if (last == "sqrt_one_minus_alphas") context.comparison.compare(name, (1 - alphas).sqrt());
  if (last == "sigmas") context.comparison.compare(name, doubles(parameters.sigmas));
  if (last == "sigmas_for_original_steps") {
    const at::Tensor previous = at::cat({at::ones({1}, at::kFloat), alphas_cumprod.slice(0, 0, -1)});
    context.comparison.compare(
        name, eta * ((1 - previous) / (1 - alphas_cumprod) * (1 - alphas_cumprod / previous)).sqrt());
  }
}

/// Times of DPM-Solver, "dpm.STEPS.*".
void run_dpm_tensor(CaseContext& context, const std::string& name, const DpmNoiseSchedule& schedule) {
  const auto words = split(name);
  const at::Tensor t = schedule.time_uniform(std::stoll(words[1]));
  if (words[2] == "t") context.comparison.compare(name, t);
  if (words[2] == "log_alpha") context.comparison.compare(name, schedule.marginal_log_mean_coeff(t));
  if (words[2] == "std") context.comparison.compare(name, schedule.marginal_std(t));
  if (words[2] == "lambda") context.comparison.compare(name, schedule.marginal_lambda(t));
  if (words[2] == "model_t") context.comparison.compare(name, schedule.model_input_time(t));
}

void run_beta_tensors(CaseContext& context, double linear_start, double linear_end) {
  const auto betas = make_beta_schedule("linear", kTimesteps, linear_start, linear_end);
  context.comparison.compare("f64.betas", doubles(betas));
  context.comparison.compare("f64.alphas_cumprod", (1 - doubles(betas)).cumprod(0));
  for (const char* schedule : {"cosine", "sqrt", "sqrt_linear"}) {
    context.comparison.compare(std::string("f64.betas.") + schedule,
                               doubles(make_beta_schedule(schedule, kTimesteps, linear_start, linear_end)));
  }
  const NoiseSchedule eps = make_noise_schedule(betas, /*v_posterior=*/0, Parameterization::eps);
  for (const auto& [name, values] : eps.buffers) context.comparison.compare("buf." + name, values);
  context.comparison.compare("buf.lvlb_weights", eps.lvlb_weights);
  const NoiseSchedule x0 = make_noise_schedule(betas, /*v_posterior=*/0, Parameterization::x0);
  context.comparison.compare("x0param.lvlb_weights", x0.lvlb_weights);
}

}  // namespace

void run_schedules(CaseContext& context) {
  const double linear_start = std::stod(context.file.text("linear_start"));
  const double linear_end = std::stod(context.file.text("linear_end"));
  run_beta_tensors(context, linear_start, linear_end);
  const at::Tensor t = context.input("temb.t");
  context.comparison.compare("temb.320", timestep_embedding(t, 320));
  context.comparison.compare("temb.odd33", timestep_embedding(t, 33));

  const auto betas = make_beta_schedule("linear", kTimesteps, linear_start, linear_end);
  const at::Tensor alphas_cumprod = (1 - doubles(betas)).cumprod(0).to(at::kFloat);
  const DpmNoiseSchedule dpm(alphas_cumprod);
  for (const std::string& name : context.file.tensor_names()) {
    if (name.rfind("uniform.", 0) == 0 || name.rfind("quad.", 0) == 0) {
      run_sampler_tensor(context, name, alphas_cumprod);
    } else if (name.rfind("dpm.", 0) == 0) {
      run_dpm_tensor(context, name, dpm);
    }
  }
}

}  // namespace ldm::parity
