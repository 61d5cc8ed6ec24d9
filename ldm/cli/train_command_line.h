#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace ldm::cli {

/// What to do when the memory is too small for a training step.
inline constexpr const char* kTrainingMemoryAdvice =
    "lower data.params.batch_size and raise --accumulate_grad_batches in its place, set "
    "model.params.unet_config.params.use_checkpoint=true, or use --precision bf16 (on a GPU also 16)";

/// main.py's command line.
struct TrainOptions {
  std::vector<std::string> base;       ///< configs, merged from left to right
  std::vector<std::string> overrides;  ///< a.b=c, and trainer options as lightning.trainer.KEY=VALUE
  std::string name, postfix, resume, project;
  std::string logdir = "logs";
  std::int64_t seed = 23;
  bool train = false, no_test = false, debug = false, scale_lr = true;
  bool help = false;
};

/// Reads the arguments as the reference's argparse does: short names (-b -t -r -n -l -s -f -p -d), several
/// configs after -b, switches with or without a value (-t, -t true, --scale_lr false), options of Lightning's
/// Trainer (--max_steps 100), and overrides a.b=c. Throws OptionError.
TrainOptions parse_train_arguments(const std::vector<std::string>& arguments);

/// The text of --help.
std::string train_help();

}  // namespace ldm::cli
