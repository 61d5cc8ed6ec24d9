#pragma once

#include <memory>

#include "ldm/models/autoencoder.h"
#include "ldm/training/task.h"

namespace ldm::training {

/// Trains an AutoencoderKL as the reference's class trains itself, without the discriminator.
class AutoencoderTask : public TrainingTask {
 public:
  /// Throws std::invalid_argument if the model has no training loss, or one that cannot be computed here.
  AutoencoderTask(std::shared_ptr<AutoencoderKLImpl> model, const TrainerOptions& options);

  torch::nn::Module& module() override { return *model_; }
  /// All but the loss's own.
  std::vector<TrainedParameter> trained_parameters() override;
  /// torch.optim.Adam with betas 0.5 and 0.9.
  OptimizerOptions optimizer_defaults() const override;
  const LrScheduler* scheduler() const override { return model_->options().scheduler.get(); }
  void set_training(bool training) override { model_->train(training); }
  TrainingLoss shared_step(const data::Batch& batch) override;
  std::map<std::string, at::Tensor> validation_step(const data::Batch& batch) override;
  LoggedImages log_images(const data::Batch& batch, const ImageLogOptions& options,
                          std::uint64_t seed) override;

 private:
  at::Tensor images(const data::Batch& batch) const;

  std::shared_ptr<AutoencoderKLImpl> model_;
  std::shared_ptr<ReconstructionKLImpl> loss_;
  bool channels_last_;
};

}  // namespace ldm::training
