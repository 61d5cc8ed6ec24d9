#pragma once

namespace ldm::cli {

/// While it lives, SIGINT (Ctrl-C) and SIGTERM ask for an end after the step that is under way, and SIGUSR1
/// for a checkpoint. A second SIGINT ends the process at once with status 130. At most one object at a time;
/// the destructor restores what was there before.
class TrainingSignals {
 public:
  TrainingSignals();
  ~TrainingSignals();
  TrainingSignals(const TrainingSignals&) = delete;
  TrainingSignals& operator=(const TrainingSignals&) = delete;

  bool wants_to_stop() const;
  /// Whether a checkpoint was asked for since the last call.
  bool take_checkpoint_request();
};

}  // namespace ldm::cli
