#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "ldm/pipelines/generation_options.h"

namespace ldm::experiments {

/// One option of txt2img or img2img with its value, both as on the command line: {"scale", "7.5"}; or an
/// override of the model's config: {"model.params.linear_end", "0.013"}, told by its dot. A switch has "on"
/// or "off".
struct Setting {
  std::string name, value;
};
inline bool operator==(const Setting& a, const Setting& b) {
  return a.name == b.name && a.value == b.value;
}

/// A model under a name of the experiment's: what differs from the other models.
struct ModelChoice {
  std::string name;
  std::vector<Setting> settings;
};

struct Prompt {
  std::string text, negative;
};

/// Options that take their values together: one axis of a `cross`, or those of a `zip`.
struct AxisGroup {
  std::vector<std::string> names;                ///< as `Setting::name`, without the file's short forms
  std::vector<std::vector<std::string>> points;  ///< each with a value for each name
};

/// Which cells stay: with `only` those that match, else those that don't. A cell matches if, for each name,
/// its value is among those given. Names: axes, "model", "seed", "prompt"; a file may also name a setting of
/// the models, which is read as the models that have it.
struct Filter {
  bool only = false;
  std::vector<std::pair<std::string, std::vector<std::string>>> values;
  std::string where;  ///< "FILE:LINE: key '...'", for messages
};

/// Each picture is compared with that of the same prompt, seed and axes whose `axis` is `to`.
struct Comparison {
  std::string axis = "model";  ///< "model" or an axis
  std::string to;
};

/// How the report looks.
struct ReportOptions {
  std::int64_t picture_side = 160;  ///< pixels that a picture of the matrix is wide on the page, 32 .. 1024
  std::int64_t embed_mb =
      100;  ///< the page holds the pictures themselves as long as they are no more than this
};

/// An experiment as its file says it, each value checked by itself.
struct Experiment {
  std::string path;   ///< of the file
  std::string name;   ///< letters, digits, '-', '_' and '.'; by default the file's name without its extension
  std::string title;  ///< one line for people
  GenerationKind kind = GenerationKind::txt2img;
  std::vector<Setting> settings;    ///< of all cells: the base model's, then those of `settings`
  std::vector<ModelChoice> models;  ///< at least one
  std::vector<Prompt> prompts;      ///< at least one
  std::vector<std::int64_t> seeds;  ///< at least one
  std::vector<AxisGroup> axes;      ///< those of `cross`, then those of `zip`, in the file's order
  std::vector<Filter> filters;
  std::vector<std::string> metrics;  ///< of metric_names(), each once
  std::optional<Comparison> compare;
  ReportOptions report;
  std::string yaml;  ///< the file's content with the overrides applied

  /// Whether `metrics` has it.
  bool asks_for(const std::string& metric) const;
};

/// Reads an experiment file (configs/experiments/README.md says what may be in it); `overrides` ("a.b=c") are
/// applied first. Values of options are checked by the table of the program's own options.
///
/// Throws config::ConfigError with file, line and key; files::FileError for a file of prompts; NotSupported
/// for a metric that needs a network which is not here.
Experiment read_experiment(const std::string& path, const std::vector<std::string>& overrides = {});

}  // namespace ldm::experiments
