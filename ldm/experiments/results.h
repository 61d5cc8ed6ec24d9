#pragma once

#include <cstddef>
#include <map>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "ldm/experiments/plan.h"

namespace ldm::experiments {

/// What is known of a picture that is done, as it lies in the run's folder (records/KEY.json).
struct Record {
  std::string key;
  std::string picture;         ///< its file, from the run's folder: "images/KEY.png"
  std::string picture_sha256;  ///< of that file
  std::string latents;         ///< "latents/KEY.safetensors", or empty if they were not kept
  std::int64_t width = 0, height = 0, steps = 0;
  std::string checkpoint_sha256, config_sha256;
  double seconds = 0;      ///< that painting it took, loading not included; of a shared call its share
  std::int64_t batch = 1;  ///< pictures that shared the network's calls
};

/// A picture with all that is said of it.
struct Result {
  std::size_t cell = 0;  ///< in Plan::cells
  Record record;
  std::map<std::string, double> metrics;  ///< by Metric::name; not finite where it has no value
  std::string compared_to;                ///< key of the picture that it is compared with; empty for none
  std::vector<double> latent_distances;   ///< to that one, relative, after each step; empty if unknown
};

/// Norms of one block of a network, averaged beside trained weights.
struct BlockDistance {
  std::string block;
  std::int64_t tensors = 0;
  double relative = 0;  ///< |trained - averaged| / |trained|
  double largest = 0;   ///< largest difference of two values
  double norm = 0;      ///< |trained|
};
/// Of one checkpoint.
struct WeightsResult {
  std::string model;  ///< the first that uses it
  std::string checkpoint;
  std::vector<BlockDistance> blocks;
  double relative = 0;  ///< of all together
  std::string remark;   ///< why there are no blocks; empty if there are
};

/// Everything that a report shows.
struct Results {
  const Plan* plan = nullptr;
  std::string folder;            ///< of the run
  std::vector<Result> pictures;  ///< those that are done, in the plan's order
  std::vector<WeightsResult> weights;

  bool complete() const { return pictures.size() == plan->cells.size(); }
};

/// results.jsonl: one line for each picture, with its cell's values, key, file, hashes, times, metrics and
/// command line. Numbers that are not finite are null.
std::string results_jsonl(const Results& results);

/// The same as CSV (RFC 4180) with a head line; latent distances are left out. Columns: cell, key, file,
/// model, the axes, prompt, negative_prompt, seed, width, height, steps, metrics that were asked for,
/// compared_to, hashes, seconds, batch, command.
std::string results_csv(const Results& results);

/// Mean of a metric over the pictures whose `axis` is `value`; of those that have a finite one.
struct Mean {
  double mean = 0, deviation = 0;  ///< of the sample; 0 for a single value
  std::int64_t count = 0;
};
Mean mean_of(const Results& results, const std::string& metric,
             const std::vector<std::pair<std::string, std::string>>& where);

/// The names of the metrics of pictures and pairs that the experiment asked for, in the table's order.
std::vector<std::string> measured(const Results& results);

}  // namespace ldm::experiments
