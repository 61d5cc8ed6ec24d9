#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "ldm/config/config.h"
#include "ldm/experiments/experiment.h"

namespace ldm::experiments {

/// An experiment that cannot be run as it says: no cell, too many, options that contradict each other, a file
/// that is not there. The message names the experiment's file.
class PlanError : public config::ConfigError {
 public:
  using config::ConfigError::ConfigError;
};

/// Cells that an experiment may have.
constexpr std::int64_t kMostCells = 100'000;

/// One picture of an experiment.
struct Cell {
  std::size_t model = 0, prompt = 0;  ///< indices into the experiment's lists
  std::int64_t seed = 0;
  std::vector<std::string> axes;  ///< values, one for each of Plan::axes
  /// What txt2img or img2img is called with to paint just this picture, without --outdir.
  std::vector<std::string> arguments;
  GenerationOptions options;  ///< these arguments, read by the program's own table
};

/// All pictures of an experiment, those of one model next to each other.
struct Plan {
  Experiment experiment;
  std::vector<std::string> axes;  ///< names, without model, prompt and seed
  std::vector<Cell> cells;
};

/// What all cells share, found out on the machine that runs them.
struct PlanTarget {
  std::int64_t threads = 1;    ///< of the CPU, for cells that do not choose
  std::string device = "cpu";  ///< likewise; never "auto"
};

/// Multiplies an experiment out: models x axes x prompts x seeds, less what the filters take away; at most
/// `limit` cells, evenly chosen from all in their order (0: all). Checks what can be known without loading
/// weights: every cell's options together, and that each file that a cell names is there. Throws PlanError,
/// NotSupported.
Plan make_plan(Experiment experiment, const PlanTarget& target, std::int64_t limit = 0);

/// All that decides which model is loaded: cells for which it is the same are painted by one.
std::vector<std::string> loaded_model(const ModelOptions& options);

/// "build/bin/txt2img --prompt 'a fox' ...", quoted for a shell.
std::string command_line(const Plan& plan, const Cell& cell);

/// A cell's value of an axis: of "model" the model's name, of "prompt" its text, of "seed" the number, else
/// of Plan::axes. Throws std::invalid_argument for another name.
std::string value_of(const Plan& plan, const Cell& cell, const std::string& axis);

/// The cell that this one is compared with (Experiment::compare): nothing if it is that cell itself, if there
/// is none, or if nothing is to be compared. Indices into Plan::cells.
std::vector<std::optional<std::size_t>> compared_cells(const Plan& plan);

/// The axes along which the plan has more than one value, "model" first, then Plan::axes, then "prompt" and
/// "seed".
std::vector<std::string> varying_axes(const Plan& plan);

/// The values that an axis takes in the plan, in the order in which they come.
std::vector<std::string> values_of(const Plan& plan, const std::string& axis);

}  // namespace ldm::experiments
