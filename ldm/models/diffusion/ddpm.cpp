#include "ldm/models/diffusion/ddpm.h"

#include <ATen/ATen.h>

#include <stdexcept>

#include "ldm/modules/diffusionmodules/util.h"
#include "ldm/modules/state.h"

namespace ldm {

DDPMImpl::DDPMImpl(const DDPMOptions& options, std::shared_ptr<DiffusionNetwork> network)
    : options_(options) {
  if (options.loss_type != "l1" && options.loss_type != "l2") {
    throw std::invalid_argument("expected loss_type l1 or l2, got '" + options.loss_type + "'");
  }
  const auto betas = options.given_betas.empty()
                         ? make_beta_schedule(options.beta_schedule, options.timesteps, options.linear_start,
                                              options.linear_end, options.cosine_s)
                         : options.given_betas;
  num_timesteps_ = static_cast<std::int64_t>(betas.size());
  const NoiseSchedule schedule = make_noise_schedule(betas, options.v_posterior, options.parameterization);
  for (const auto& [name, values] : schedule.buffers) register_buffer(name, values);
  lvlb_weights_ = schedule.lvlb_weights;

  model_ = register_module("model", DiffusionWrapper(std::move(network), options.conditioning_key));
  if (options.use_ema) model_ema_ = register_module("model_ema", LitEma(*model_, options.ema_decay));
  logvar_ = at::full({num_timesteps_}, options.logvar_init, at::kFloat);
  if (options.learn_logvar) register_parameter("logvar", logvar_, /*requires_grad=*/false);
}

torch::Tensor DDPMImpl::extract(const std::string& name, const torch::Tensor& t,
                                const torch::Tensor& like) const {
  return extract_into_tensor(buffer(name), t, like.dim());
}

torch::Tensor DDPMImpl::apply_model(const torch::Tensor& x_noisy, const torch::Tensor& t,
                                    const Conditioning& cond) {
  return model_(x_noisy, t, cond);
}

torch::Tensor DDPMImpl::quantize_x0(const torch::Tensor&) {
  throw std::logic_error("expected a model with a first stage that quantizes, got one without a first stage");
}

torch::Tensor DDPMImpl::q_sample(const torch::Tensor& x_start, const torch::Tensor& t,
                                 const torch::Tensor& noise) const {
  return extract("sqrt_alphas_cumprod", t, x_start) * x_start +
         extract("sqrt_one_minus_alphas_cumprod", t, x_start) * noise;
}

torch::Tensor DDPMImpl::predict_start_from_noise(const torch::Tensor& x_t, const torch::Tensor& t,
                                                 const torch::Tensor& noise) const {
  return extract("sqrt_recip_alphas_cumprod", t, x_t) * x_t -
         extract("sqrt_recipm1_alphas_cumprod", t, x_t) * noise;
}

torch::Tensor DDPMImpl::get_v(const torch::Tensor& x, const torch::Tensor& noise,
                              const torch::Tensor& t) const {
  return extract("sqrt_alphas_cumprod", t, x) * noise - extract("sqrt_one_minus_alphas_cumprod", t, x) * x;
}

torch::Tensor DDPMImpl::predict_start_from_z_and_v(const torch::Tensor& x_t, const torch::Tensor& t,
                                                   const torch::Tensor& v) const {
  return extract("sqrt_alphas_cumprod", t, x_t) * x_t - extract("sqrt_one_minus_alphas_cumprod", t, x_t) * v;
}

torch::Tensor DDPMImpl::predict_eps_from_z_and_v(const torch::Tensor& x_t, const torch::Tensor& t,
                                                 const torch::Tensor& v) const {
  return extract("sqrt_alphas_cumprod", t, x_t) * v + extract("sqrt_one_minus_alphas_cumprod", t, x_t) * x_t;
}

torch::Tensor DDPMImpl::predict_start(const torch::Tensor& x_t, const torch::Tensor& t,
                                      const torch::Tensor& prediction) const {
  if (options_.parameterization == Parameterization::x0) return prediction.to(x_t.scalar_type());
  return options_.parameterization == Parameterization::v ? predict_start_from_z_and_v(x_t, t, prediction)
                                                          : predict_start_from_noise(x_t, t, prediction);
}

torch::Tensor DDPMImpl::predict_eps(const torch::Tensor& x_t, const torch::Tensor& t,
                                    const torch::Tensor& prediction) const {
  if (options_.parameterization == Parameterization::eps) return prediction;
  if (options_.parameterization == Parameterization::v) return predict_eps_from_z_and_v(x_t, t, prediction);
  return (x_t - extract("sqrt_alphas_cumprod", t, x_t) * prediction) /
         extract("sqrt_one_minus_alphas_cumprod", t, x_t);
}

DDPMImpl::Posterior DDPMImpl::q_posterior(const torch::Tensor& x_start, const torch::Tensor& x_t,
                                          const torch::Tensor& t) const {
  return {extract("posterior_mean_coef1", t, x_t) * x_start + extract("posterior_mean_coef2", t, x_t) * x_t,
          extract("posterior_variance", t, x_t), extract("posterior_log_variance_clipped", t, x_t)};
}

torch::Tensor DDPMImpl::loss_per_sample(const torch::Tensor& prediction, const torch::Tensor& target) const {
  const torch::Tensor difference = target - prediction;
  const torch::Tensor error = options_.loss_type == "l1" ? difference.abs() : difference.pow(2);
  return error.flatten(1).mean(1);
}

torch::Tensor DDPMImpl::target_of(const torch::Tensor& x_start, const torch::Tensor& t,
                                  const torch::Tensor& noise) const {
  if (options_.parameterization == Parameterization::v) return get_v(x_start, noise, t);
  return options_.parameterization == Parameterization::eps ? noise : x_start;
}

torch::Tensor DDPMImpl::eps_error(const torch::Tensor& error, const torch::Tensor& t) const {
  if (options_.parameterization == Parameterization::eps) return error;
  const torch::Tensor abar = buffer("alphas_cumprod").index({t});
  // The square of d eps / d prediction at a fixed x_t.
  const torch::Tensor factor = options_.parameterization == Parameterization::v ? abar : abar / (1 - abar);
  return error * (options_.loss_type == "l1" ? factor.sqrt() : factor);
}

torch::Tensor DDPMImpl::mean_error(const torch::Tensor& error, const torch::Tensor& t) const {
  if (!options_.loss_weighting) return error.mean();
  const torch::Tensor abar = buffer("alphas_cumprod").index({t});
  const torch::Tensor weight =
      ((1 - abar) / abar).clamp_max(options_.loss_weighting->max) + options_.loss_weighting->offset;
  return (weight * error).sum() / weight.sum();
}

TrainingLoss DDPMImpl::p_losses(const torch::Tensor& x_start, const Conditioning& cond,
                                const torch::Tensor& t, const torch::Tensor& noise) {
  const torch::Tensor prediction = model_(q_sample(x_start, t, noise), t, cond);
  const torch::Tensor error = loss_per_sample(prediction, target_of(x_start, t, noise));
  const std::string prefix = is_training() ? "train/" : "val/";

  TrainingLoss result;
  result.log[prefix + "loss_simple"] = error.mean();
  const torch::Tensor logvar_t = logvar_.to(t.device()).index({t});
  const torch::Tensor simple = options_.loss_weighting ? eps_error(error, t) : error;
  const torch::Tensor weighted = simple / logvar_t.exp() + logvar_t;
  if (options_.learn_logvar) {
    result.log[prefix + "loss_gamma"] = weighted.mean();
    result.log["logvar"] = logvar_.mean();
  }
  const torch::Tensor loss_vlb = (lvlb_weights_.to(t.device()).index({t}) * error).mean();
  result.log[prefix + "loss_vlb"] = loss_vlb;
  result.loss = options_.l_simple_weight * mean_error(weighted, t) + options_.original_elbo_weight * loss_vlb;
  result.log[prefix + "loss"] = result.loss;
  return result;
}

EmaScope::EmaScope(DDPMImpl& model) : model_(model) {
  if (!model.options().use_ema) return;
  for (const StateEntry& entry : parameters_of(*model.model())) {
    training_weights_.push_back(entry.tensor);
    entry.bind(model.model_ema()->average_of(entry.name));
  }
}

EmaScope::~EmaScope() {
  if (training_weights_.empty()) return;
  auto saved = training_weights_.begin();
  for (const StateEntry& entry : parameters_of(*model_.model())) entry.bind(*saved++);
}

}  // namespace ldm
