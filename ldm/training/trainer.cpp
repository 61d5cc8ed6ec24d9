#include "ldm/training/trainer.h"

#include <ATen/ATen.h>
#include <ATen/core/grad_mode.h>
#include <torch/nn/utils/clip_grad.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <stdexcept>
#include <utility>

#include "ldm/files/output_folder.h"
#include "ldm/ops/precision.h"
#include "ldm/training/error.h"
#include "ldm/training/image_log.h"

namespace ldm::training {
namespace {

using Clock = std::chrono::steady_clock;

constexpr std::int64_t kDefaultEpochs = 1000;  // as Lightning's
/// Losses that are no number, one after another, that a scaler may answer by lowering its scale.
constexpr double kLeastScale = 1.0 / 1024;
constexpr const char* kWhatToTry =
    "resume from it with a lower learning rate, or clip the gradients (gradient_clip_val)";

double seconds_since(Clock::time_point start) {
  return std::chrono::duration<double>(Clock::now() - start).count();
}

std::string metrics_text(const Metrics& metrics) {
  std::string text;
  for (const auto& [name, value] : metrics) {
    text += (text.empty() ? "" : ", ") + name + " " + std::to_string(value);
  }
  return text;
}

}  // namespace

Trainer::Trainer(TrainingTask& task, data::DataModule data, TrainerSetup setup, TrainingObserver& observer)
    : task_(task),
      data_(std::move(data)),
      setup_(std::move(setup)),
      observer_(observer),
      options_(setup_.options.trainer),
      optimizer_(task.trained_parameters(), setup_.optimizer) {
  for (const TrainedParameter& parameter : optimizer_.parameters()) parameter.tensor.set_requires_grad(true);
  if (options_.autocast == at::kHalf) scaler_.emplace(options_.device);
}

std::int64_t Trainer::batches_per_epoch() const {
  return options_.limit_train_batches.of(loader_->sampler().batches_per_epoch());
}

std::int64_t Trainer::planned_steps() const {
  const std::int64_t in_an_epoch =
      (batches_per_epoch() + options_.accumulate_grad_batches - 1) / options_.accumulate_grad_batches;
  const bool by_epochs = options_.max_epochs || !options_.max_steps;
  std::int64_t steps = options_.max_steps.value_or(std::numeric_limits<std::int64_t>::max());
  if (by_epochs) steps = std::min(steps, options_.max_epochs.value_or(kDefaultEpochs) * in_an_epoch);
  return steps;
}

bool Trainer::is_done() const {
  if (options_.max_steps && progress_.global_step >= *options_.max_steps) return true;
  const bool by_epochs = options_.max_epochs || !options_.max_steps;
  if (by_epochs && progress_.epoch >= options_.max_epochs.value_or(kDefaultEpochs)) return true;
  return options_.max_seconds && seconds_since(started_) >= *options_.max_seconds;
}

double Trainer::learning_rate() const {
  const LrScheduler* scheduler = task_.scheduler();
  return setup_.learning_rate * (scheduler == nullptr ? 1.0 : (*scheduler)(progress_.global_step));
}

RunState Trainer::run_state() {
  return {task_.module(),  optimizer_,      scaler_ ? &*scaler_ : nullptr, progress_,
          options_.device, learning_rate(), setup_.learning_rate};
}

/// Weights that are no numbers must not take the place of good ones.
void Trainer::check_finite() const {
  for (const TrainedParameter& parameter : optimizer_.parameters()) {
    if (parameter.tensor.detach().isfinite().all().item<bool>()) continue;
    throw NonFiniteError("expected finite weights, got NaN or infinity in '" + parameter.name +
                         "' after step " + std::to_string(progress_.global_step) +
                         "; last.ckpt is as it was: " + kWhatToTry);
  }
}

void Trainer::write_checkpoint(const std::string& path, bool weights_only) {
  check_finite();
  write_training_checkpoint(path, run_state(), weights_only);
}

void Trainer::prepare() {
  const auto write = [this](const std::string& path, bool weights_only) {
    write_checkpoint(path, weights_only);
  };
  const auto warn = [this](const std::string& text) { observer_.warned(text); };
  const bool resumes = !setup_.folder.resume_from.empty();
  if (resumes) resume_training(setup_.folder.resume_from, run_state());

  const data::BatchSampler sampler(data_.train->size(), data_.batch_size, setup_.seed, /*shuffle=*/true,
                                   /*drop_last=*/false, setup_.process.rank, setup_.process.world_size);
  loader_.emplace(data_.train, sampler, setup_.seed, data_.num_workers, /*prefetch=*/4, warn);
  if (batches_per_epoch() == 0) {
    throw std::invalid_argument(
        "expected limit_train_batches to leave a batch of the training data, got none");
  }
  if (progress_.batch >= batches_per_epoch()) {
    progress_.batch = 0;
    ++progress_.epoch;
  }
  loader_->start(progress_.epoch, progress_.batch);
  const std::string checkpoints = setup_.folder.checkpoints();
  keeper_.emplace(setup_.options.checkpoint, checkpoints, progress_.kept, write, warn);
  if (setup_.options.step_checkpoint) {
    const std::string folder = checkpoints + "/trainstep_checkpoints";
    files::create_output_folder(folder);
    step_keeper_.emplace(*setup_.options.step_checkpoint, folder, step_kept_, write, warn);
  }
  train_curve_.emplace(setup_.folder.path + "/train.csv", progress_.global_step);
  val_curve_.emplace(setup_.folder.path + "/val.csv", progress_.global_step);
}

TrainingEnd Trainer::fit() {
  if (!data_.train) throw std::invalid_argument("expected training data (data.params.train), got none");
  started_ = reported_ = Clock::now();
  prepare();
  samples_reported_ = progress_.samples;  // those before the run was resumed took no time of this one
  task_.set_training(true);
  bool stopped = false;
  while (!stopped && !is_done()) {
    const data::Batch batch = loader_->next();
    if (progress_.global_step == 0 && progress_.samples == 0) task_.prepare(batch);
    train_batch(batch);
    after_batch(batch);
    // Half-accumulated gradients are in no checkpoint, so requests wait for a step.
    if (accumulated_ == 0) stopped = obey_requests();
  }
  write_checkpoint(setup_.folder.last_checkpoint(), /*weights_only=*/false);
  return stopped ? TrainingEnd::stopped : TrainingEnd::finished;
}

bool Trainer::obey_requests() {
  const Request request = observer_.request();
  if (request == Request::checkpoint) {
    write_checkpoint(setup_.folder.last_checkpoint(), /*weights_only=*/false);
    observer_.said("wrote " + setup_.folder.last_checkpoint());
  }
  return request == Request::stop;
}

void Trainer::accumulate(const data::Batch& batch) {
  const at::AutoGradMode with_graph(true);
  TrainingLoss step;
  {
    const AutocastScope autocast(options_.device.type(), options_.autocast);
    step = task_.shared_step(batch);
  }
  last_loss_ = step.loss.item<double>();
  if (!std::isfinite(last_loss_) && !scaler_) {
    throw NonFiniteError("expected a finite loss, got " + std::to_string(last_loss_) + " at step " +
                         std::to_string(progress_.global_step) + " (epoch " + std::to_string(batch.epoch) +
                         ", batch " + std::to_string(batch.index) + ", first item '" +
                         data_.train->name_of(batch.indices.front()) +
                         "'); last.ckpt is as it was: " + kWhatToTry);
  }
  const at::Tensor scaled = step.loss / static_cast<double>(options_.accumulate_grad_batches);
  (scaler_ ? scaler_->scale(scaled) : scaled).backward();
  if (std::isfinite(last_loss_)) means_.add(step.log);
  ++accumulated_;
}

/// Whether the gradients are good for a step.
bool Trainer::clip_gradients() {
  if (scaler_) {
    const bool finite = scaler_->unscale(optimizer_.gradients());
    scaler_->update();
    if (!finite && scaler_->scale_value() < kLeastScale) {
      throw NonFiniteError(
          "expected finite gradients at some scale, got none down to " +
          std::to_string(scaler_->scale_value()) + " at step " + std::to_string(progress_.global_step) +
          "; last.ckpt is as it was: resume from it with a lower learning rate or precision 32");
    }
    if (!finite) return false;
  }
  if (options_.gradient_clip_val <= 0) return true;
  std::vector<at::Tensor> tensors;
  for (const TrainedParameter& parameter : optimizer_.parameters()) tensors.push_back(parameter.tensor);
  if (options_.clip_by_value) {
    torch::nn::utils::clip_grad_value_(tensors, options_.gradient_clip_val);
  } else {
    torch::nn::utils::clip_grad_norm_(tensors, options_.gradient_clip_val);
  }
  return true;
}

void Trainer::optimizer_step() {
  if (clip_gradients()) optimizer_.step(learning_rate());
  optimizer_.zero_grad();
  accumulated_ = 0;
  ++progress_.global_step;
}

void Trainer::train_batch(const data::Batch& batch) {
  accumulate(batch);
  const bool last_of_epoch = batch.index + 1 == batches_per_epoch();
  stepped_ = accumulated_ == options_.accumulate_grad_batches || last_of_epoch;
  if (stepped_) optimizer_step();
  {
    const at::NoGradGuard no_grad;
    task_.on_train_batch_end();
  }
  progress_.samples += batch.size() * setup_.process.world_size;
  progress_.epoch = batch.epoch;
  progress_.batch = batch.index + 1;
}

void Trainer::after_batch(const data::Batch& batch) {
  report(batch);
  if (!stepped_) return;
  if (logs_images_at(setup_.options.images, progress_.global_step)) log_images(batch, "train");
  const std::int64_t batches = batches_per_epoch();
  const bool ends_epoch = progress_.batch == batches;
  const std::int64_t interval = std::max<std::int64_t>(1, options_.val_check_interval.of(batches));
  const bool validates_epoch = (batch.epoch + 1) % options_.check_val_every_n_epoch == 0;
  if (validates_epoch && (progress_.batch % interval == 0 || (ends_epoch && interval >= batches))) validate();
  keeper_->on_step(progress_, latest_);
  if (step_keeper_) step_keeper_->on_step(progress_, latest_);
  if (ends_epoch) end_epoch();
}

void Trainer::end_epoch() {
  const std::int64_t ended = progress_.epoch;
  ++progress_.epoch;
  progress_.batch = 0;
  const bool cut_short = batches_per_epoch() < loader_->sampler().batches_per_epoch();
  if (cut_short) loader_->start(progress_.epoch, 0);
  keeper_->on_epoch_end(progress_, ended, latest_);
}

void Trainer::report(const data::Batch& batch) {
  const double seconds = seconds_since(reported_);
  if (seconds > 0.5) {
    samples_per_second_ = static_cast<double>(progress_.samples - samples_reported_) / seconds;
    reported_ = Clock::now();
    samples_reported_ = progress_.samples;
  }
  observer_.progress({progress_.global_step, batch.epoch, batch.index, batches_per_epoch(), planned_steps(),
                      last_loss_, learning_rate(), samples_per_second_});
  if (!stepped_ || progress_.global_step % options_.log_every_n_steps != 0) return;
  Metrics row = means_.take();
  for (const auto& [name, value] : row) latest_[name] = value;
  row["lr_abs"] = learning_rate();
  row["samples_per_second"] = samples_per_second_;
  train_curve_->add(progress_.global_step, batch.epoch, row);
}

void Trainer::log_images(const data::Batch& batch, const std::string& split) {
  task_.set_training(false);
  const std::uint64_t seed = setup_.seed + static_cast<std::uint64_t>(progress_.global_step);
  const LoggedImages images = task_.log_images(batch, setup_.options.images, seed);
  write_logged_images(setup_.folder.images(), split, images, task_.captions(batch), setup_.options.images,
                      progress_, batch.index);
  task_.set_training(true);
}

Metrics Trainer::evaluate(const std::shared_ptr<const data::Dataset>& dataset, bool shuffle,
                          const BatchLimit& limit, bool logs_images) {
  task_.set_training(false);
  // The same draws at every validation, and none of the training's.
  const SeededScope seeded(setup_.seed, options_.device);
  const data::BatchSampler sampler(dataset->size(), data_.batch_size, setup_.seed, shuffle,
                                   /*drop_last=*/false, setup_.process.rank, setup_.process.world_size);
  data::DataLoader loader(dataset, sampler, setup_.seed, data_.num_workers, 4,
                          [this](const std::string& text) { observer_.warned(text); });
  loader.start(0, 0);
  MeanLog means;
  const std::int64_t batches = limit.of(sampler.batches_per_epoch());
  for (std::int64_t i = 0; i < batches; ++i) {
    const data::Batch batch = loader.next();
    const AutocastScope autocast(options_.device.type(), options_.autocast);
    means.add(task_.validation_step(batch), static_cast<double>(batch.size()));
    if (logs_images && i == 0) log_images(batch, "val");
    task_.set_training(false);
  }
  task_.set_training(true);
  return means.take();
}

void Trainer::validate() {
  if (!data_.validation) return;
  const Metrics metrics = evaluate(data_.validation, data_.shuffle_val_dataloader, options_.limit_val_batches,
                                   !setup_.options.images.disabled && setup_.options.images.max_images > 0);
  if (metrics.empty()) return;
  for (const auto& [name, value] : metrics) latest_[name] = value;
  val_curve_->add(progress_.global_step, progress_.epoch, metrics);
  observer_.said("step " + std::to_string(progress_.global_step) + ": " + metrics_text(metrics));
}

void Trainer::test() {
  if (!data_.test) return;
  const Metrics metrics = evaluate(data_.test, data_.shuffle_test_loader, options_.limit_test_batches, false);
  observer_.said("test: " + metrics_text(metrics));
}

}  // namespace ldm::training
