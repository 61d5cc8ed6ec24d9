#pragma once

#include <chrono>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>

#include "ldm/data/data_loader.h"
#include "ldm/data/data_module.h"
#include "ldm/training/checkpoint_keeper.h"
#include "ldm/training/mean_log.h"
#include "ldm/training/metrics_file.h"
#include "ldm/training/run_folder.h"
#include "ldm/training/task.h"
#include "ldm/training/trainer_options.h"
#include "ldm/training/training_state.h"

namespace ldm::training {

/// What the person, or the machine, wants of a running training.
enum class Request { none, checkpoint, stop };

/// A report after each batch.
struct TrainingProgress {
  std::int64_t global_step = 0, epoch = 0, batch = 0, batches_per_epoch = 0;
  std::int64_t max_steps = 0;  ///< that the run will have done at its end; 0 if only time limits it
  double loss = 0, learning_rate = 0, samples_per_second = 0;
};

/// Told what goes on, and asked what to do.
class TrainingObserver {
 public:
  virtual ~TrainingObserver() = default;
  virtual void progress(const TrainingProgress& progress) = 0;
  virtual void said(const std::string& text) = 0;
  virtual void warned(const std::string& text) = 0;
  /// Asked after each optimiser step; a request is given once.
  virtual Request request() = 0;
};

/// What a run is made of, beside its task and data.
struct TrainerSetup {
  LightningOptions options;
  OptimizerOptions optimizer;
  double learning_rate = 0;  ///< base rate, already scaled
  std::uint64_t seed = 23;
  RunFolder folder;
  ProcessGroup process;
};

/// How a run ended.
enum class TrainingEnd { finished, stopped };

/// pytorch_lightning.Trainer's loop for one process: batches, optimiser steps, validation, logs, checkpoints.
/// On the CPU a run that is stopped and resumed, or killed and resumed, gives the same weights bit for bit as
/// an undisturbed one with as many threads.
class Trainer {
 public:
  /// `task` and `observer` outlive the trainer. The task's model lies on the device of the options and is
  /// changed in place. Throws std::invalid_argument for options that contradict each other or the data.
  Trainer(TrainingTask& task, data::DataModule data, TrainerSetup setup, TrainingObserver& observer);

  /// Trains to the end, or until the observer wants to stop. last.ckpt holds the state then. Throws
  /// NonFiniteError for a loss that is no number (last.ckpt stays as it was), and what data and files throw.
  TrainingEnd fit();
  /// Tells the observer the means of the losses over the test data; does nothing without such data.
  void test();

 private:
  void prepare();
  void train_batch(const data::Batch& batch);
  void accumulate(const data::Batch& batch);
  bool clip_gradients();
  void optimizer_step();
  void after_batch(const data::Batch& batch);
  void report(const data::Batch& batch);
  void log_images(const data::Batch& batch, const std::string& split);
  void validate();
  Metrics evaluate(const std::shared_ptr<const data::Dataset>& dataset, bool shuffle, const BatchLimit& limit,
                   bool logs_images);
  void end_epoch();
  bool is_done() const;
  bool obey_requests();
  double learning_rate() const;
  std::int64_t batches_per_epoch() const;
  std::int64_t planned_steps() const;
  RunState run_state();
  void check_finite() const;
  void write_checkpoint(const std::string& path, bool weights_only);

  TrainingTask& task_;
  data::DataModule data_;
  TrainerSetup setup_;
  TrainingObserver& observer_;
  const TrainerOptions& options_;

  Optimizer optimizer_;
  std::optional<GradScaler> scaler_;
  Progress progress_;
  std::optional<data::DataLoader> loader_;
  std::vector<KeptCheckpoint> step_kept_;
  std::optional<CheckpointKeeper> keeper_, step_keeper_;
  std::optional<MetricsFile> train_curve_, val_curve_;

  bool stepped_ = false;          // the last batch ended in an optimiser step
  std::int64_t accumulated_ = 0;  // batches since the last optimiser step
  double last_loss_ = 0;
  MeanLog means_;   // since the last row of the curve
  Metrics latest_;  // the newest value of everything
  std::chrono::steady_clock::time_point started_, reported_;
  std::int64_t samples_reported_ = 0;
  double samples_per_second_ = 0;
};

}  // namespace ldm::training
