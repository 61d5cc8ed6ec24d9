#pragma once

#include <torch/nn/module.h>

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "ldm/training/grad_scaler.h"
#include "ldm/training/optimizer.h"
#include "ldm/training/random_state.h"

namespace ldm::training {

/// A checkpoint that was kept for its monitored value, as its path inside the folder `checkpoints`.
struct KeptCheckpoint {
  std::string file;
  double value = 0;
};

/// How far a run has come: everything beside weights, moments and generators.
struct Progress {
  std::int64_t global_step = 0;      ///< optimiser steps done
  std::int64_t epoch = 0;            ///< that the next batch belongs to
  std::int64_t batch = 0;            ///< index of the next batch in its epoch
  std::int64_t samples = 0;          ///< seen so far, all processes together
  std::vector<KeptCheckpoint> kept;  ///< by ModelCheckpoint
};

/// The moving parts of a run that a checkpoint holds.
struct RunState {
  torch::nn::Module& module;
  Optimizer& optimizer;
  GradScaler* scaler;  ///< may be null
  Progress& progress;
  c10::Device device;
  double learning_rate, base_learning_rate;
};

/// Writes a checkpoint in the layout of Lightning: state_dict, epoch, global_step, pytorch-lightning_version,
/// callbacks, and unless `weights_only` optimizer_states, lr_schedulers, native_amp_scaling_state, rng_states
/// and data_position. It appears under `path` when it is whole, in the place of what was there. Throws
/// checkpoint::WriteError.
void write_training_checkpoint(const std::string& path, const RunState& run, bool weights_only);

/// Puts the weights back as `write_training_checkpoint` found them; they must fit exactly. Throws
/// CheckpointError and UnfitError.
void resume_weights(const std::string& path, torch::nn::Module& module);

/// Puts back the rest. A checkpoint of Lightning's own resumes at the beginning of the epoch after its own,
/// with generators as they are. Throws CheckpointError and UnfitError.
void resume_training(const std::string& path, const RunState& run);

}  // namespace ldm::training
