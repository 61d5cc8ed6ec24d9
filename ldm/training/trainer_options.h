#pragma once

#include <c10/core/Device.h>
#include <c10/core/ScalarType.h>

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "ldm/config/config.h"

namespace ldm::training {

/// Which of several processes this one is. One process is all there is today; the batches, the logs and the
/// checkpoints ask this and nothing global.
struct ProcessGroup {
  std::int64_t rank = 0, world_size = 1;
};

/// A number of batches, or a share of those that there are.
struct BatchLimit {
  std::optional<std::int64_t> count;
  double share = 1;
  /// How many of `available` that is.
  std::int64_t of(std::int64_t available) const;
};

/// `lightning.trainer`, under the names and defaults of pytorch_lightning.Trainer (1.4).
struct TrainerOptions {
  std::optional<std::int64_t> max_steps;   ///< optimiser steps
  std::optional<std::int64_t> max_epochs;  ///< 1000 if neither this nor max_steps is given
  std::optional<double> max_seconds;       ///< max_time "DD:HH:MM:SS"
  std::int64_t accumulate_grad_batches = 1;
  double gradient_clip_val = 0;  ///< 0: none
  bool clip_by_value = false;    ///< gradient_clip_algorithm "value"; else by the norm of all gradients
  c10::ScalarType autocast = c10::ScalarType::Float;  ///< precision 32, 16 (CUDA, with loss scaling) or bf16
  std::int64_t check_val_every_n_epoch = 1;
  BatchLimit val_check_interval;  ///< a validation every so many batches of an epoch
  BatchLimit limit_train_batches, limit_val_batches, limit_test_batches;
  std::int64_t log_every_n_steps = 50;
  c10::Device device = c10::kCPU;  ///< gpus: "0," is CUDA's first
  bool channels_last = false;      ///< ours: images and weights of convolutions with their channels last
  std::string finetune_from;       ///< ours: weights to start from, see initial_weights.h
  std::string latent_cache;   ///< ours: the file in which the images' latents are kept, see latent_cache.h
  bool finetune_ema = false;  ///< ours: start at the averages in finetune_from
};

/// `lightning.modelcheckpoint`, and `lightning.callbacks.metrics_over_trainsteps_checkpoint`, under the names
/// of Lightning's ModelCheckpoint with the reference's defaults.
struct CheckpointOptions {
  bool save_last = true;
  std::string monitor;             ///< name of the value that says which are best; empty: the newest
  bool greater_is_better = false;  ///< mode "max"
  std::int64_t save_top_k = 1;     ///< 3 with a monitor; -1 keeps all, 0 none
  std::string filename = "{epoch:06}";
  std::optional<std::int64_t> every_n_train_steps;  ///< in place of the end of each epoch
  std::int64_t every_n_epochs = 1;
  bool save_weights_only = false;
};

/// `lightning.callbacks.image_logger`: main.ImageLogger's arguments, under its names and defaults.
struct ImageLogOptions {
  std::int64_t batch_frequency = 750, max_images = 4;
  bool clamp = true, rescale = true, increase_log_steps = true, disabled = false;
  bool log_on_batch_idx = false, log_first_step = false;
  // log_images_kwargs, as LatentDiffusion.log_images takes them
  std::int64_t N = 8;
  bool sample = true;
  std::int64_t ddim_steps = 200;
  double ddim_eta = 1;
  double unconditional_guidance_scale = 1;  ///< as in later versions of the reference
};

/// Everything under `lightning`.
struct LightningOptions {
  TrainerOptions trainer;
  CheckpointOptions checkpoint;
  std::optional<CheckpointOptions> step_checkpoint;  ///< a second one, to checkpoints/trainstep_checkpoints
  ImageLogOptions images;
};

/// Reads the top-level node `lightning`, which may be undefined. `default_monitor` is the model's. Throws
/// config::ConfigError, also for what Lightning knows and this trainer does not do.
LightningOptions read_lightning(const config::Node& lightning, const std::string& default_monitor);

/// The names of `lightning.trainer` that `read_lightning` knows: those that the command line takes, too.
const std::vector<std::string>& trainer_option_names();

}  // namespace ldm::training
