#include "ldm/weights/difference.h"

#include <algorithm>
#include <tuple>
#include <unordered_map>
#include <utility>

#include "ldm/checkpoint/error.h"
#include "ldm/weights/sd_keys.h"

namespace ldm::weights {
namespace {

using checkpoint::StateDict;
using checkpoint::TensorAlias;

std::string group_of(const std::string& name) {
  const std::string block = unet_block_of(name);
  return block.empty() ? title_of(part_of(name)) : block;
}

class Comparer {
 public:
  Comparer(const StateDict& a, const StateDict& b, const DifferenceOptions& options)
      : a_(a), b_(b), options_(options) {
    result_.path_a = a.path();
    result_.path_b = b.path();
    for (const std::string& name : a.names()) total_ += static_cast<std::uint64_t>(a.info(name).nbytes());
  }

  Difference run() {
    for (const std::string& name : a_.names()) {
      if (options_.progress) options_.progress(done_, total_);
      done_ += static_cast<std::uint64_t>(a_.info(name).nbytes());
      b_.contains(name) ? compare(name) : result_.only_a.push_back(name);
    }
    for (const std::string& name : b_.names()) {
      if (!a_.contains(name)) result_.only_b.push_back(name);
    }
    if (options_.progress) options_.progress(total_, total_);
    std::stable_sort(result_.changed.begin(), result_.changed.end(),
                     [](const TensorChange& x, const TensorChange& y) {
                       return std::tuple(x.same_shape(), -x.distance.relative(), -x.distance.largest) <
                              std::tuple(y.same_shape(), -y.distance.relative(), -y.distance.largest);
                     });
    return std::move(result_);
  }

 private:
  void compare(const std::string& name) {
    const checkpoint::TensorInfo &info_a = a_.info(name), &info_b = b_.info(name);
    TensorChange change{name, info_a.dtype, info_b.dtype, info_a.sizes, info_b.sizes, {}};
    GroupDistance& group = group_named(group_of(name));
    ++group.tensors;
    if (change.same_shape()) {
      change.distance = distance_between(a_.tensor(name).tensor, b_.tensor(name).tensor);
      group.distance.add(change.distance);
      result_.distance.add(change.distance);
      a_.release(name);
      b_.release(name);
      if (change.distance.unequal == 0 && info_a.dtype == info_b.dtype) {
        ++result_.same;
        return;
      }
    }
    ++group.changed;
    result_.changed.push_back(std::move(change));
  }

  GroupDistance& group_named(const std::string& name) {
    const auto [place, added] = groups_.emplace(name, result_.groups.size());
    if (added) result_.groups.push_back({name, 0, 0, {}});
    return result_.groups[place->second];
  }

  const StateDict &a_, &b_;
  const DifferenceOptions& options_;
  Difference result_;
  std::unordered_map<std::string, std::size_t> groups_;
  std::uint64_t done_ = 0, total_ = 0;
};

}  // namespace

Difference compare_weights(const StateDict& a, const StateDict& b, const DifferenceOptions& options) {
  return Comparer(a, b, options).run();
}

Difference compare_averages(const StateDict& state, const DifferenceOptions& options) {
  std::unordered_map<std::string, std::string> average_of;
  for (const auto& [average, key] : keys_of_averages(state.names())) average_of.emplace(key, average);
  std::vector<TensorAlias> trained, averages;
  for (const std::string& name : state.names()) {
    const auto average = average_of.find(name);
    if (average == average_of.end()) continue;
    trained.push_back({name, state, name, {}});
    averages.push_back({name, state, average->second, {}});
  }
  if (trained.empty()) {
    throw checkpoint::CheckpointError(
        "'" + state.path() + "': expected trained weights (model.*) and their averages (model_ema.*), " +
        "got no weight with an average");
  }
  return compare_weights(checkpoint::view_of(state.path(), state.format(), trained),
                         checkpoint::view_of(state.path() + " (averages)", state.format(), averages),
                         options);
}

}  // namespace ldm::weights
