#include "ldm/experiments/ema_weights.h"

#include <algorithm>
#include <cmath>
#include <map>
#include <set>
#include <string>
#include <utility>

#include "ldm/pipelines/project_files.h"
#include "ldm/weights/difference.h"
#include "ldm/weights/open_weights.h"
#include "ldm/weights/sd_keys.h"

namespace ldm::experiments {
namespace {

WeightsResult compared(const std::string& model, const ModelOptions& options) {
  WeightsResult result;
  result.model = model;
  result.checkpoint = options.ckpt;
  const checkpoint::StateDict state = weights::open_weights(
      find_checkpoint(options.ckpt), {checkpoint::parse_mmap_choice(options.mmap), options.ema_ckpt});
  const std::map<std::string, std::string> averages = weights::keys_of_averages(state.names());
  const bool has_both = std::any_of(averages.begin(), averages.end(),
                                    [&](const auto& average) { return state.contains(average.second); });
  if (!has_both) {
    result.remark = "has no averages beside its weights";
    return result;
  }
  const weights::Difference difference = weights::compare_averages(state);
  result.relative = difference.distance.relative();
  for (const weights::GroupDistance& group : difference.groups) {
    result.blocks.push_back({group.name, group.tensors, group.distance.relative(), group.distance.largest,
                             std::sqrt(group.distance.square_sum_a)});
  }
  return result;
}

}  // namespace

std::vector<WeightsResult> ema_weights(const Plan& plan) {
  std::vector<WeightsResult> results;
  std::set<std::pair<std::string, std::string>> seen;
  for (const Cell& cell : plan.cells) {
    const ModelOptions& options = cell.options.model;
    if (!seen.emplace(options.ckpt, options.ema_ckpt).second) continue;
    results.push_back(compared(plan.experiment.models[cell.model].name, options));
  }
  return results;
}

}  // namespace ldm::experiments
