#pragma once

#include <ATen/core/Generator.h>
#include <ATen/core/Tensor.h>

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "ldm/lr_scheduler.h"
#include "ldm/models/diffusion/diffusion_wrapper.h"
#include "ldm/models/diffusion/noise_schedule.h"
#include "ldm/modules/ema.h"
#include "ldm/modules/losses/training_loss.h"

namespace ldm {

/// A weight for each sample's error of eps by its timestep, min((1 - abar) / abar, max) + offset; the loss of
/// a batch is the weighted mean. It gives large noise, where the text decides, its share. The error of a
/// model that predicts x0 or v is taken as that of the eps its prediction stands for, so that the
/// simple loss of a model is the same in each parameterisation.
struct LossWeighting {
  double max = 20, offset = 0.5;
};

/// The constructor's arguments of the reference's DDPM, under its names and defaults.
struct DDPMOptions {
  std::int64_t timesteps = 1000;
  std::string beta_schedule = "linear";
  double linear_start = 1e-4, linear_end = 2e-2, cosine_s = 8e-3;
  std::vector<double> given_betas;  ///< used in place of the schedule when not empty
  double v_posterior = 0;
  std::string loss_type = "l2";  ///< "l1" or "l2"
  double l_simple_weight = 1, original_elbo_weight = 0;
  bool learn_logvar = false;
  double logvar_init = 0;
  bool use_ema = true;
  double ema_decay = 0.9999;  ///< of LitEma, which the reference fixes
  std::optional<LossWeighting> loss_weighting;
  bool stratified_timesteps =
      false;            ///< training draws one timestep in each of B equal parts of the schedule
  std::string monitor;  ///< the logged value that says which checkpoints are best; may be empty
  bool clip_denoised = true;
  std::string first_stage_key = "image";
  std::int64_t image_size = 256, channels = 3, log_every_t = 100;
  Parameterization parameterization = Parameterization::eps;
  ConditioningKey conditioning_key = ConditioningKey::none;
  std::optional<std::string> ckpt_path;    ///< weights to start training from; building reads none
  std::vector<std::string> ignore_keys;    ///< beginnings of keys that are not taken from there
  bool load_only_unet = false;             ///< of that file only what lies under `model.`
  std::shared_ptr<LrScheduler> scheduler;  ///< from scheduler_config; may be null
};

/// ldm.models.diffusion.ddpm.DDPM: a network, its noise schedule and its loss, in the space of its input.
class DDPMImpl : public Module {
 public:
  /// Throws std::invalid_argument for options outside their range.
  DDPMImpl(const DDPMOptions& options, std::shared_ptr<DiffusionNetwork> network);

  const DDPMOptions& options() const { return options_; }
  std::int64_t num_timesteps() const { return num_timesteps_; }
  DiffusionWrapper& model() { return model_; }
  LitEma& model_ema() { return model_ema_; }  ///< empty without use_ema
  /// A buffer of the noise schedule, such as "alphas_cumprod": float32 [num_timesteps].
  torch::Tensor schedule(const std::string& name) const { return buffer(name); }
  const torch::Tensor& lvlb_weights() const { return lvlb_weights_; }
  /// Log-variance of the loss by timestep, float32 [num_timesteps]; a parameter with `learn_logvar`.
  const torch::Tensor& logvar() const { return logvar_; }
  /// Where the schedule, and with it the model, lies.
  torch::Device device() const { return buffer("betas").device(); }

  /// The network's prediction for x_noisy [B, C, H, W] at t [B], under the conditioning.
  torch::Tensor apply_model(const torch::Tensor& x_noisy, const torch::Tensor& t, const Conditioning& cond);
  /// Whether quantize_x0 works: the model has a first stage with a codebook.
  virtual bool can_quantize_x0() const { return false; }
  /// x0 [B, C, H, W] with each position replaced by the nearest code. Throws std::logic_error without one.
  virtual torch::Tensor quantize_x0(const torch::Tensor& x0);
  /// Whether ancestral sampling clamps its estimate of x_0 to [-1, 1].
  virtual bool clips_denoised() const { return options_.clip_denoised; }

  /// x_t = sqrt(abar_t) x_0 + sqrt(1 - abar_t) noise. x_start and noise [B, ...], t int64 [B].
  torch::Tensor q_sample(const torch::Tensor& x_start, const torch::Tensor& t,
                         const torch::Tensor& noise) const;
  /// v = sqrt(abar_t) noise - sqrt(1 - abar_t) x. x and noise [B, ...], t int64 [B].
  torch::Tensor get_v(const torch::Tensor& x, const torch::Tensor& noise, const torch::Tensor& t) const;
  /// x_0 from x_t and the noise in it.
  torch::Tensor predict_start_from_noise(const torch::Tensor& x_t, const torch::Tensor& t,
                                         const torch::Tensor& noise) const;
  /// x_0 from x_t and its v: sqrt(abar_t) x_t - sqrt(1 - abar_t) v.
  torch::Tensor predict_start_from_z_and_v(const torch::Tensor& x_t, const torch::Tensor& t,
                                           const torch::Tensor& v) const;
  /// The noise from x_t and its v: sqrt(abar_t) v + sqrt(1 - abar_t) x_t.
  torch::Tensor predict_eps_from_z_and_v(const torch::Tensor& x_t, const torch::Tensor& t,
                                         const torch::Tensor& v) const;
  /// x_0 from x_t and what this model predicts for it, by its parameterisation. x_t float32 [B, ...], t int64
  /// [B]; the prediction may be half, the result is float32.
  torch::Tensor predict_start(const torch::Tensor& x_t, const torch::Tensor& t,
                              const torch::Tensor& prediction) const;
  /// The noise in the same way; of a model that predicts eps the prediction itself, in its own dtype.
  torch::Tensor predict_eps(const torch::Tensor& x_t, const torch::Tensor& t,
                            const torch::Tensor& prediction) const;
  /// Mean, variance and clipped log-variance of q(x_{t-1} | x_t, x_0); the last two [B, 1, 1, 1].
  struct Posterior {
    torch::Tensor mean, variance, log_variance_clipped;
  };
  Posterior q_posterior(const torch::Tensor& x_start, const torch::Tensor& x_t, const torch::Tensor& t) const;

  /// Loss of predicting x_start's noise (or x_start itself, or v) at timesteps t int64 [B], with the given
  /// noise.
  TrainingLoss p_losses(const torch::Tensor& x_start, const Conditioning& cond, const torch::Tensor& t,
                        const torch::Tensor& noise);

 protected:
  /// The error of each sample, mean over its elements: [B].
  torch::Tensor loss_per_sample(const torch::Tensor& prediction, const torch::Tensor& target) const;

 private:
  torch::Tensor extract(const std::string& name, const torch::Tensor& t, const torch::Tensor& like) const;
  /// What the network should predict: [B, ...].
  torch::Tensor target_of(const torch::Tensor& x_start, const torch::Tensor& t,
                          const torch::Tensor& noise) const;
  /// The error of the eps that a prediction with `error` [B] stands for.
  torch::Tensor eps_error(const torch::Tensor& error, const torch::Tensor& t) const;
  /// The mean of `error` [B], weighted by timestep where the options say so.
  torch::Tensor mean_error(const torch::Tensor& error, const torch::Tensor& t) const;

  DDPMOptions options_;
  std::int64_t num_timesteps_;
  DiffusionWrapper model_{nullptr};
  LitEma model_ema_{nullptr};
  torch::Tensor lvlb_weights_, logvar_;
};
TORCH_MODULE(DDPM);

/// The reference's ema_scope: while it lives, `model` computes with its EMA weights. Nothing is copied: the
/// parameters change places with the averages. Does nothing for a model without EMA.
class EmaScope {
 public:
  explicit EmaScope(DDPMImpl& model);
  ~EmaScope();
  EmaScope(const EmaScope&) = delete;
  EmaScope& operator=(const EmaScope&) = delete;

 private:
  DDPMImpl& model_;
  std::vector<torch::Tensor> training_weights_;
};

}  // namespace ldm
