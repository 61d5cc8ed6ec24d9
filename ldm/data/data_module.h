#pragma once

#include <cstdint>
#include <memory>

#include "ldm/config/config.h"
#include "ldm/data/dataset.h"
#include "ldm/registry.h"

namespace ldm::data {

/// main.DataModuleFromConfig: the datasets of a config by what they are for, and how to load them.
struct DataModule {
  /// Null where the config has none.
  std::shared_ptr<const Dataset> train, validation, test, predict;
  std::int64_t batch_size = 1;
  /// Threads that read items: the reference's batch_size * 2 (processes there) unless the config says
  /// otherwise, but then at most one fewer than there are cores, and at least one.
  std::int64_t num_workers = 1;
  /// Training data is always shuffled, data to predict from never.
  bool shuffle_test_loader = false;
  bool shuffle_val_dataloader = false;
};

/// Builds what the `data` part of a config describes: `target: main.DataModuleFromConfig`, and in `params`
/// batch_size, train, validation, test, predict (each a target and its params), num_workers,
/// shuffle_test_loader and shuffle_val_dataloader. `wrap` and `use_worker_init_fn` are known and change
/// nothing: the first is a matter of Python's types, and items have random numbers of their own here.
///
/// Throws config::ConfigError, with file, line and key, for another target, a key or value that is wrong, and
/// a config without any dataset; files::FileError for data that cannot be read.
DataModule build_data_module(const config::Node& data, const Registry& registry);

}  // namespace ldm::data
