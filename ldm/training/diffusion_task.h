#pragma once

#include <memory>

#include "ldm/models/diffusion/latent_diffusion.h"
#include "ldm/training/task.h"

namespace ldm::training {

/// Trains a DDPM or a LatentDiffusion as the reference's classes train themselves: the network of the
/// diffusion model and, where `cond_stage_trainable` says so, the conditioning stage; the first stage is
/// frozen.
class DiffusionTask : public TrainingTask {
 public:
  DiffusionTask(std::shared_ptr<DDPMImpl> model, const TrainerOptions& options);

  torch::nn::Module& module() override { return *model_; }
  std::vector<TrainedParameter> trained_parameters() override;
  /// torch.optim.AdamW's own.
  OptimizerOptions optimizer_defaults() const override { return {}; }
  const LrScheduler* scheduler() const override { return model_->options().scheduler.get(); }
  void set_training(bool training) override;
  /// With `scale_by_std`: the scale factor becomes 1 / the deviation of the first batch's latents, unless the
  /// run's first weights brought one.
  void prepare(const data::Batch& first) override;
  TrainingLoss shared_step(const data::Batch& batch) override;
  std::map<std::string, at::Tensor> validation_step(const data::Batch& batch) override;
  void on_train_batch_end() override;
  LoggedImages log_images(const data::Batch& batch, const ImageLogOptions& options,
                          std::uint64_t seed) override;
  std::vector<std::string> captions(const data::Batch& batch) const override;

 private:
  /// The clean input x_0: scaled latents, or for a plain DDPM the images.
  at::Tensor start(const data::Batch& batch);
  /// Whether the batch has images, and not their latents' moments alone.
  bool has_images(const data::Batch& batch) const;
  at::Tensor images(const data::Batch& batch) const;
  at::Tensor timesteps(std::int64_t batch_size);
  /// What the conditioning stage takes, after dropping captions.
  ConditioningInput conditioning_input(const data::Batch& batch);
  Conditioning conditioning(const data::Batch& batch, const at::Tensor& t);
  at::Tensor sampled(const data::Batch& batch, const ImageLogOptions& options, std::uint64_t seed,
                     std::int64_t count);

  std::shared_ptr<DDPMImpl> model_;
  std::shared_ptr<LatentDiffusionImpl> latent_;  // the same model, or null
  bool channels_last_;
};

}  // namespace ldm::training
