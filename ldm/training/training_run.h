#pragma once

#include <cstdint>
#include <memory>
#include <string>

#include "ldm/config/config.h"
#include "ldm/data/data_module.h"
#include "ldm/registry.h"
#include "ldm/training/initial_weights.h"
#include "ldm/training/task.h"
#include "ldm/training/trainer.h"

namespace ldm::training {

/// A run as its configs describe it, ready for a Trainer.
struct TrainingRun {
  std::unique_ptr<TrainingTask> task;
  data::DataModule data;
  TrainerSetup setup;
};

/// What main.py's command line says beside the configs.
struct RunOptions {
  std::uint64_t seed = 23;
  bool scale_lr = true;  ///< base_learning_rate times accumulate_grad_batches, batch size and processes
};

/// The device that `lightning.trainer` names. Throws config::ConfigError.
c10::Device run_device(const config::Config& config);

/// Builds model, data and optimiser from `model`, `data` and `lightning` of a merged config. A new run's
/// weights are drawn and read; those of a run that is resumed come from its checkpoint, which the trainer
/// reads. The generators are seeded first, so that a seed makes a run. `say` is told what people want to
/// know.
///
/// Beside the reference's keys `model.optimizer` may say `target: torch.optim.AdamW` or `torch.optim.Adam`
/// and its params (betas, eps, weight_decay).
///
/// Throws config::ConfigError, and what `start_weights` and `build_data_module` throw.
TrainingRun prepare_run(const config::Config& config, const Registry& registry, const RunFolder& folder,
                        const RunOptions& options, const Say& say);

}  // namespace ldm::training
