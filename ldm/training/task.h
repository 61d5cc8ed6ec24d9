#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "ldm/data/batch.h"
#include "ldm/lr_scheduler.h"
#include "ldm/models/diffusion/ddpm.h"
#include "ldm/training/optimizer.h"
#include "ldm/training/trainer_options.h"

namespace ldm::training {

/// Pictures of a log, by name: "inputs", "reconstructions", "samples", ... Each float32 [B, 3, H, W] in about
/// [-1, 1], on any device.
using LoggedImages = std::vector<std::pair<std::string, at::Tensor>>;

/// What the trainer trains: a model with its losses, as the reference's LightningModules have them. Draws
/// come from torch's default generators. Not thread safe.
class TrainingTask {
 public:
  virtual ~TrainingTask() = default;

  /// The whole model: its state is what checkpoints hold.
  virtual torch::nn::Module& module() = 0;
  /// What the optimiser changes, in the order of the state dict.
  virtual std::vector<TrainedParameter> trained_parameters() = 0;
  virtual OptimizerOptions optimizer_defaults() const = 0;
  /// The learning rate's factor by optimiser step; null: 1.
  virtual const LrScheduler* scheduler() const = 0;

  /// Switches what is trained to training (true) or evaluation; frozen parts stay in evaluation.
  virtual void set_training(bool training) = 0;
  /// Called with the first batch of a run that starts anew (not of a resumed one), before it is used.
  virtual void prepare(const data::Batch& /*first*/) {}
  /// The loss of a batch, with a graph where gradients are on. Names begin with train/ or val/ by the mode.
  virtual TrainingLoss shared_step(const data::Batch& batch) = 0;
  /// All values of a validation batch by name, those of the averaged weights ending in "_ema".
  virtual std::map<std::string, at::Tensor> validation_step(const data::Batch& batch) = 0;
  /// After each batch, optimiser step included: the averages follow.
  virtual void on_train_batch_end() {}
  /// Pictures of a batch; `seed` is that of what is drawn for them.
  virtual LoggedImages log_images(const data::Batch& batch, const ImageLogOptions& options,
                                  std::uint64_t seed) = 0;
  /// The texts that belong to the logged pictures; empty if the model takes none.
  virtual std::vector<std::string> captions(const data::Batch& /*batch*/) const { return {}; }
};

/// Images [B, H, W, C] float32 of a batch -> [B, C, H, W], contiguous or channels_last, on `device`.
at::Tensor to_network(const at::Tensor& images, c10::Device device, bool channels_last);

}  // namespace ldm::training
