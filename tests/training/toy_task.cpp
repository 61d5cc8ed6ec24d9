#include "tests/training/toy_task.h"

#include <ATen/ATen.h>

#include <filesystem>
#include <limits>

#include "ldm/data/error.h"
#include "ldm/modules/state.h"
#include "ldm/training/random_state.h"

namespace ldm::training::testing {

ToyTask::ToyTask() {
  linear_ = root_->add("linear", Linear(3, 1));
  linear_->init(at::detail::createCPUGenerator(7));
  ema_ = LitEma(*root_, 0.9);
  ema_->reset(*root_);
}

std::vector<TrainedParameter> ToyTask::trained_parameters() {
  std::vector<TrainedParameter> parameters;
  for (const StateEntry& entry : parameters_of(*root_)) parameters.push_back({entry.name, entry.tensor});
  return parameters;
}

TrainingLoss ToyTask::shared_step(const data::Batch& batch) {
  const at::Tensor colour = batch.tensor("image").mean(at::IntArrayRef{1, 2});
  const at::Tensor predicted = linear_(colour + noise * at::randn_like(colour)).squeeze(1);
  at::Tensor loss = (predicted - colour.sum(1)).pow(2).mean();
  if (training_) batch_sizes.push_back(batch.size());
  const int number = static_cast<int>(batch_sizes.size()) - 1;
  if (training_ && nan_from >= 0 && number >= nan_from)
    loss = loss * std::numeric_limits<double>::quiet_NaN();
  return {loss, {{training_ ? "train/loss" : "val/loss", loss}}};
}

std::map<std::string, at::Tensor> ToyTask::validation_step(const data::Batch& batch) {
  const at::NoGradGuard no_grad;
  return shared_step(batch).log;
}

LoggedImages ToyTask::log_images(const data::Batch& batch, const ImageLogOptions&, std::uint64_t) {
  return {{"inputs", batch.tensor("image").permute({0, 3, 1, 2})}};
}

data::Example ToyDataset::get(std::int64_t index, at::Generator&) const {
  if (index == bad_) throw data::ImageError("'" + name_of(index) + "': expected an image, got none");
  const float value = static_cast<float>(index) / static_cast<float>(count_);
  const at::Tensor colour = at::tensor({value, 1 - value, value * value});
  return {{"image", colour.view({1, 1, 3}).expand({2, 2, 3}).contiguous()}};
}

TrainerSetup toy_setup(const std::string& folder, std::int64_t steps) {
  std::filesystem::create_directories(folder + "/checkpoints");
  TrainerSetup setup;
  setup.options.trainer.max_steps = steps;
  setup.options.trainer.log_every_n_steps = 1;
  setup.options.images.disabled = true;
  setup.learning_rate = 0.05;
  setup.folder.path = folder;
  return setup;
}

data::DataModule toy_data(std::int64_t count, std::int64_t batch_size) {
  data::DataModule data;
  data.train = std::make_shared<ToyDataset>(count);
  data.batch_size = batch_size;
  data.num_workers = 0;
  return data;
}

}  // namespace ldm::training::testing
