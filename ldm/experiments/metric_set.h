#pragma once

#include <map>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "ldm/experiments/demo_recognition.h"
#include "ldm/experiments/results.h"

namespace ldm::experiments {

/// Measures what an experiment asks for, from the files of the run's folder. Remembers what it measured, so
/// that it can be asked again while pictures come.
class MetricSet {
 public:
  /// Throws files::FileError if something that a metric needs is missing.
  explicit MetricSet(const Plan& plan);

  /// Fills metrics, compared_to and latent_distances of each result. Metrics of pairs only where the other
  /// picture is done; pictures of different sizes have none. Throws files::FileError for a picture that
  /// cannot be read.
  void measure(Results& results);

 private:
  /// What is known of a picture, or of a pair.
  struct Values {
    std::map<std::string, double> metrics;
    std::vector<double> latent_distances;
  };

  Values measure_picture(const Results& results, const Result& result) const;
  Values measure_pair(const Results& results, const Record& a, const Record& b) const;

  const Plan& plan_;
  std::vector<std::optional<std::size_t>> compared_;  ///< cells, by cell
  std::unique_ptr<DemoRecognition> demo_;
  std::map<std::string, Values> pictures_;
  std::map<std::pair<std::string, std::string>, Values> pairs_;
};

}  // namespace ldm::experiments
