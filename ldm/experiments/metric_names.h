#pragma once

#include <string>
#include <vector>

namespace ldm::experiments {

/// What a metric is a property of.
enum class MetricScope {
  pair,     ///< of a picture and the one it is compared with (Experiment::compare)
  picture,  ///< of a picture
  weights   ///< of a model
};

/// One number that is measured.
struct Metric {
  std::string name;   ///< in files: "psnr"
  std::string asked;  ///< what an experiment names to get it: itself, or a metric that gives several numbers
  std::string title;  ///< for people, with its unit: "PSNR (dB)"
  MetricScope scope = MetricScope::pair;
  int decimals = 2;  ///< that people are shown
};

/// THE table of the metrics, in the order in which they are shown.
const std::vector<Metric>& metrics();

/// What an experiment may name.
std::vector<std::string> metric_names();

/// Throws NotSupported for a metric of the field that needs a network which is not here (fid, kid,
/// clip_score, lpips), and std::invalid_argument, naming those known, for anything else that is not in
/// metric_names().
void check_metric(const std::string& name);

/// The title of a metric of the table.
const Metric& metric(const std::string& name);

}  // namespace ldm::experiments
