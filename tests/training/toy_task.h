#pragma once

#include <memory>

#include "ldm/data/dataset.h"
#include "ldm/modules/layers.h"
#include "ldm/training/task.h"
#include "ldm/training/trainer.h"

namespace ldm::training::testing {

/// A linear map of an image's mean colour that learns the sum of the three; noise from the default generator
/// on the way, and running averages of what it learns.
class ToyTask : public TrainingTask {
 public:
  ToyTask();

  torch::nn::Module& module() override { return *root_; }
  std::vector<TrainedParameter> trained_parameters() override;
  OptimizerOptions optimizer_defaults() const override { return {}; }
  const LrScheduler* scheduler() const override { return nullptr; }
  void set_training(bool training) override { training_ = training; }
  void prepare(const data::Batch&) override { ++prepared; }
  TrainingLoss shared_step(const data::Batch& batch) override;
  std::map<std::string, at::Tensor> validation_step(const data::Batch& batch) override;
  void on_train_batch_end() override { ema_(*root_); }
  LoggedImages log_images(const data::Batch& batch, const ImageLogOptions&, std::uint64_t) override;

  at::Tensor weight() { return linear_->weight.detach(); }

  int prepared = 0;
  double noise = 0.01;
  /// From this batch on (counted from 0) the loss is NaN; negative for never.
  int nan_from = -1;
  std::vector<std::int64_t> batch_sizes;  ///< of the training batches so far

 private:
  Container root_;
  Linear linear_{nullptr};
  LitEma ema_{nullptr};
  bool training_ = true;
};

/// `count` images of 2x2 pixels, a colour each. `bad` cannot be read.
class ToyDataset : public data::Dataset {
 public:
  explicit ToyDataset(std::int64_t count, std::int64_t bad = -1) : count_(count), bad_(bad) {}
  std::int64_t size() const override { return count_; }
  data::Example get(std::int64_t index, at::Generator& random) const override;
  std::string name_of(std::int64_t index) const override { return "item " + std::to_string(index); }
  bool has_fixed_images() const override { return true; }
  std::string fingerprint() const override { return "toy " + std::to_string(count_); }

 private:
  std::int64_t count_, bad_;
};

/// Remembers what it was told; asks for something after so many steps.
class ToyObserver : public TrainingObserver {
 public:
  void progress(const TrainingProgress& progress) override { reports.push_back(progress); }
  void said(const std::string& text) override { lines.push_back(text); }
  void warned(const std::string& text) override { warnings.push_back(text); }
  Request request() override {
    ++asked;
    return asked == stop_at ? Request::stop : asked == checkpoint_at ? Request::checkpoint : Request::none;
  }

  int asked = 0, stop_at = -1, checkpoint_at = -1;
  std::vector<TrainingProgress> reports;
  std::vector<std::string> lines, warnings;
};

/// Options of a run into `folder` (created) that trains for `steps` steps.
TrainerSetup toy_setup(const std::string& folder, std::int64_t steps);
/// `count` images in batches of `batch_size`, without workers.
data::DataModule toy_data(std::int64_t count = 10, std::int64_t batch_size = 4);

}  // namespace ldm::training::testing
