#pragma once

#include <string>
#include <vector>

#include "ldm/config/config.h"

namespace ldm::training {

/// Where a run keeps its files: main.py's logs/<date>_<name>/{checkpoints,configs,images}, and beside them
/// the curves train.csv and val.csv.
struct RunFolder {
  std::string path;
  std::string resume_from;           ///< the checkpoint to go on from; empty for a new run
  std::vector<std::string> configs;  ///< of a resumed run, in the order in which they are merged

  std::string checkpoints() const { return path + "/checkpoints"; }
  std::string images() const { return path + "/images"; }
  std::string last_checkpoint() const { return checkpoints() + "/last.ckpt"; }
};

/// "2026-01-31T23-59-58", local time.
std::string time_stamp();

/// A new run's folder, not created yet: LOGDIR/STAMP_NAME and `postfix`; without a name that of the first
/// config file, without both nothing. `debug` puts it under LOGDIR/debug_runs.
RunFolder new_run(const std::string& logdir, const std::string& name, const std::string& postfix,
                  const std::vector<std::string>& base, bool debug, const std::string& stamp);

/// The run to resume: its folder, or a checkpoint in its folder `checkpoints`. Throws files::FileError if
/// there is no such thing, or no checkpoint in it.
RunFolder resumed_run(const std::string& resume);

/// Creates the folders and writes configs/STAMP-project.yaml (all but `lightning`) and STAMP-lightning.yaml.
/// Throws files::FileError.
void write_run_configs(const RunFolder& run, const config::Config& config, const std::string& stamp);

}  // namespace ldm::training
