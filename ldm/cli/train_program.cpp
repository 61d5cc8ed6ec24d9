#include "ldm/cli/train_program.h"

#include <torch/csrc/autograd/anomaly_mode.h>

#include <iostream>

#include "ldm/checkpoint/mapping_guard.h"
#include "ldm/cli/exit_status.h"
#include "ldm/cli/train_command_line.h"
#include "ldm/cli/training_console.h"
#include "ldm/cuda/device.h"
#include "ldm/host_memory.h"
#include "ldm/pipelines/generation_options.h"
#include "ldm/training/training_run.h"

namespace ldm::cli {
namespace {

using training::RunFolder;

config::Config merged_config(const TrainOptions& options, const RunFolder& folder) {
  std::vector<std::string> files = folder.configs;
  files.insert(files.end(), options.base.begin(), options.base.end());
  if (files.empty()) {
    throw OptionError("--base: expected the paths of configs, since the run has none in '" + folder.path +
                      "/configs', got none");
  }
  config::Config config = config::Config::from_file(files.front());
  for (std::size_t i = 1; i < files.size(); ++i) config.merge(config::Config::from_file(files[i]));
  config.apply_overrides(options.overrides);
  return config;
}

ExitStatus train(const TrainOptions& options, const Registry& registry) {
  const std::string stamp = training::time_stamp();
  const RunFolder folder = options.resume.empty()
                               ? training::new_run(options.logdir, options.name, options.postfix,
                                                   options.base, options.debug, stamp)
                               : training::resumed_run(options.resume);
  const config::Config config = merged_config(options, folder);
  select_device(training::run_device(config).str());  // before any other call of torch
  TrainingSignals signals;
  TrainingConsole console(standard_console(), signals);
  const training::RunOptions run_options{static_cast<std::uint64_t>(options.seed), options.scale_lr};
  training::TrainingRun run = training::prepare_run(config, registry, folder, run_options,
                                                    [&](const std::string& line) { console.said(line); });
  training::write_run_configs(folder, config, stamp);
  console.said("run folder " + folder.path);
  torch::autograd::AnomalyMode::set_enabled(options.debug);
  training::Trainer trainer(*run.task, std::move(run.data), std::move(run.setup), console);
  if (options.train && trainer.fit() == training::TrainingEnd::stopped) {
    console.said("stopped; go on with: train --resume " + folder.path + " --train");
    return ExitStatus::interrupted;
  }
  if (!options.no_test) trainer.test();
  std::cout << folder.last_checkpoint() << std::endl;
  return ExitStatus::success;
}

}  // namespace

int train_program(const std::vector<std::string>& arguments,
                  const std::function<void(Registry&)>& add_datasets) {
  checkpoint::install_mapping_guard();
  keep_freed_memory();
  const auto body = [&] {
    const TrainOptions options = parse_train_arguments(arguments);
    if (options.help) {
      std::cout << train_help();
      return ExitStatus::success;
    }
    Registry registry = default_registry();
    add_datasets(registry);
    return train(options, registry);
  };
  return guarded("train", body, kTrainingMemoryAdvice);
}

}  // namespace ldm::cli
