#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "ldm/training/metrics_file.h"
#include "ldm/training/trainer_options.h"
#include "ldm/training/training_state.h"

namespace ldm::training {

/// Lightning's ModelCheckpoint: decides which checkpoints are written, and which of them stay.
class CheckpointKeeper {
 public:
  /// Writes a checkpoint to a path.
  using Write = std::function<void(const std::string& path, bool weights_only)>;
  using Warn = std::function<void(const std::string& text)>;

  /// `folder` exists. `kept` is the run's list, which this object changes.
  CheckpointKeeper(CheckpointOptions options, std::string folder, std::vector<KeptCheckpoint>& kept,
                   Write write, Warn warn);

  /// After an optimiser step. `latest` holds the newest value of every metric.
  void on_step(const Progress& progress, const Metrics& latest);
  /// After the last batch of an epoch and its validation; `epoch` is the one that ended.
  void on_epoch_end(const Progress& progress, std::int64_t epoch, const Metrics& latest);
  /// Writes last.ckpt.
  void save_last();

 private:
  void save(const Progress& progress, std::int64_t epoch, const Metrics& latest);
  /// By what a checkpoint is compared now; nothing, with a warning the first time, if it was not logged.
  std::optional<double> monitored(const Progress& progress, const Metrics& latest);
  /// Writes a checkpoint of the present, unless it would be the one to go, and drops what is too many.
  void keep(const KeptCheckpoint& added);
  bool is_worse(double a, double b) const;
  std::string free_name(std::string name) const;
  void drop_worst();

  CheckpointOptions options_;
  std::string folder_;
  std::vector<KeptCheckpoint>& kept_;
  Write write_;
  Warn warn_;
  bool warned_ = false;
};

/// Lightning's file names: "{epoch:06}-{step:09}" -> "epoch=000004-step=000001250"; {NAME} and {NAME:.2f} of
/// a metric, whose slashes become underscores. Throws std::invalid_argument for a name that is no metric.
std::string checkpoint_name(const std::string& pattern, std::int64_t epoch, std::int64_t step,
                            const Metrics& metrics);

}  // namespace ldm::training
