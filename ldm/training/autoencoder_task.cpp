#include "ldm/training/autoencoder_task.h"

#include <ATen/ATen.h>
#include <ATen/core/grad_mode.h>

#include <algorithm>

#include "ldm/modules/state.h"
#include "ldm/training/random_state.h"

namespace ldm::training {

AutoencoderTask::AutoencoderTask(std::shared_ptr<AutoencoderKLImpl> model, const TrainerOptions& options)
    : model_(std::move(model)), loss_(model_->training_loss()), channels_last_(options.channels_last) {}

std::vector<TrainedParameter> AutoencoderTask::trained_parameters() {
  std::vector<TrainedParameter> parameters;
  for (const StateEntry& entry : parameters_of(*model_)) {
    if (entry.name.rfind("loss.", 0) != 0) parameters.push_back({entry.name, entry.tensor});
  }
  return parameters;
}

OptimizerOptions AutoencoderTask::optimizer_defaults() const {
  OptimizerOptions adam;
  adam.beta1 = 0.5;
  adam.beta2 = 0.9;
  adam.weight_decay = 0;
  adam.decoupled = false;
  return adam;
}

at::Tensor AutoencoderTask::images(const data::Batch& batch) const {
  return to_network(batch.tensor(model_->options().image_key), model_->parameters().front().device(),
                    channels_last_);
}

TrainingLoss AutoencoderTask::shared_step(const data::Batch& batch) {
  const at::Tensor inputs = images(batch);
  const DiagonalGaussianDistribution posterior = model_->encode_posterior(inputs);
  const at::Tensor reconstructions = model_->decode(posterior.sample());
  return loss_->forward(inputs, reconstructions, posterior, model_->is_training() ? "train" : "val");
}

std::map<std::string, at::Tensor> AutoencoderTask::validation_step(const data::Batch& batch) {
  const at::NoGradGuard no_grad;
  return shared_step(batch).log;
}

LoggedImages AutoencoderTask::log_images(const data::Batch& batch, const ImageLogOptions& options,
                                         std::uint64_t seed) {
  const at::NoGradGuard no_grad;
  const SeededScope seeded(seed, model_->parameters().front().device());
  const at::Tensor inputs = images(batch).slice(0, 0, std::min(options.N, batch.size()));
  const at::Tensor latent = model_->encode_posterior(inputs).sample();
  return {{"inputs", inputs},
          {"reconstructions", model_->decode(latent)},
          {"samples", model_->decode(at::randn_like(latent))}};
}

}  // namespace ldm::training
