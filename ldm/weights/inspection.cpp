#include "ldm/weights/inspection.h"

#include <ATen/ATen.h>

#include <filesystem>
#include <system_error>
#include <unordered_map>
#include <utility>

namespace ldm::weights {
namespace {

namespace fs = std::filesystem;
using checkpoint::StateDict;

constexpr const char* kDecay = "model_ema.decay";
constexpr const char* kNumUpdates = "model_ema.num_updates";

/// Bytes of a file, or of all files below a folder. Of several files named by an index, that index is the
/// path: then the tensors are counted instead.
std::uint64_t bytes_on_disk(const std::string& path, std::uint64_t tensor_bytes) {
  std::error_code error;
  if (fs::is_directory(path, error)) {
    std::uint64_t sum = 0;
    for (auto entry = fs::recursive_directory_iterator(path, error);
         !error && entry != fs::recursive_directory_iterator(); entry.increment(error)) {
      std::error_code ignored;
      if (entry->is_regular_file(ignored)) sum += entry->file_size(ignored);
    }
    return sum;
  }
  const std::uint64_t size = fs::file_size(path, error);
  return error || size < tensor_bytes ? tensor_bytes : size;
}

void count(Amount& amount, const checkpoint::TensorInfo& info) {
  ++amount.tensors;
  amount.elements += info.numel();
  amount.bytes += info.nbytes();
  if (c10::isFloatingType(info.dtype)) amount.parameters += info.numel();
}

/// The value of a tensor of one element; none if it is not there or of another shape.
template <typename T>
std::optional<T> scalar_value(const StateDict& state, const char* name) {
  if (!state.contains(name) || state.info(name).numel() != 1) return std::nullopt;
  return state.tensor(name).tensor.item().to<T>();
}

EmaFacts look_for_averages(const StateDict& state) {
  EmaFacts facts;
  bool trained = false;
  for (const std::string& name : state.names()) {
    facts.averages += is_average(name) ? 1 : 0;
    trained = trained || part_of(name) == ModelPart::unet;
  }
  facts.decay = scalar_value<double>(state, kDecay);
  facts.num_updates = scalar_value<std::int64_t>(state, kNumUpdates);
  if (facts.averages > 0) {
    facts.kind = trained ? EmaKind::twins : EmaKind::averages_only;
  } else if (trained && facts.num_updates && *facts.num_updates != 0) {
    facts.kind = EmaKind::looks_ema_only;
  }
  return facts;
}

/// Walks over all tensors, each weight together with its average.
class StatisticsWalk {
 public:
  StatisticsWalk(const StateDict& state, const InspectionOptions& options, Inspection& inspection)
      : state_(state), options_(options), inspection_(inspection) {
    for (std::size_t i = 0; i < inspection.keys.size(); ++i) places_[inspection.keys[i].name] = i;
    for (const auto& [average, key] : keys_of_averages(state.names())) {
      const bool twins = places_.count(key) != 0 && state.info(key).sizes == state.info(average).sizes;
      if (twins) averages_.emplace(key, average);
    }
  }

  void run() {
    for (KeyFacts& facts : inspection_.keys) {
      if (facts.statistics) continue;  // an average, seen with its weight
      const at::Tensor tensor = look_at(facts);
      const auto average = averages_.find(facts.name);
      if (average != averages_.end()) {
        KeyFacts& twin = inspection_.keys[places_.at(average->second)];
        if (!twin.statistics) add_distance(facts.name, distance_between(tensor, look_at(twin)));
        state_.release(twin.name);
      }
      state_.release(facts.name);
    }
    tell();
  }

 private:
  at::Tensor look_at(KeyFacts& facts) {
    tell();
    at::Tensor tensor = state_.tensor(facts.name).tensor;
    facts.statistics = statistics_of(tensor);
    done_ += static_cast<std::uint64_t>(state_.info(facts.name).nbytes());
    return tensor;
  }

  void tell() const {
    if (options_.progress) options_.progress(done_, static_cast<std::uint64_t>(inspection_.total.bytes));
  }

  void add_distance(const std::string& key, const TensorDistance& distance) {
    inspection_.ema_distance.add(distance);
    const std::string block = unet_block_of(key);
    const auto [place, added] = blocks_.emplace(block, inspection_.ema_distances.size());
    if (added) inspection_.ema_distances.push_back({block, {}});
    inspection_.ema_distances[place->second].distance.add(distance);
  }

  const StateDict& state_;
  const InspectionOptions& options_;
  Inspection& inspection_;
  std::unordered_map<std::string, std::size_t> places_, blocks_;
  std::unordered_map<std::string, std::string> averages_;  // of each weight that has one
  std::uint64_t done_ = 0;
};

}  // namespace

std::string dtype_name(c10::ScalarType dtype) {
  return c10::getDtypeNames(dtype).first;
}

const char* name_of(EmaKind kind) {
  switch (kind) {
    case EmaKind::twins:
      return "twins";
    case EmaKind::averages_only:
      return "averages_only";
    case EmaKind::looks_ema_only:
      return "looks_ema_only";
    case EmaKind::none:
      break;
  }
  return "none";
}

Inspection inspect_weights(const StateDict& state, const InspectionOptions& options) {
  Inspection inspection;
  inspection.path = state.path();
  inspection.format = state.format();
  for (const std::string& name : state.names()) {
    const checkpoint::TensorInfo& info = state.info(name);
    const ModelPart part = part_of(name);
    count(inspection.total, info);
    count(inspection.by_dtype[dtype_name(info.dtype)], info);
    count(inspection.by_part[part], info);
    inspection.keys.push_back({name, info.dtype, info.sizes, part, {}});
  }
  inspection.file_bytes = bytes_on_disk(state.path(), static_cast<std::uint64_t>(inspection.total.bytes));
  inspection.family = recognise(state);
  inspection.ema = look_for_averages(state);
  inspection.metadata = state.metadata();
  inspection.notes = state.notes();
  if (options.statistics) {
    inspection.has_statistics = true;
    StatisticsWalk(state, options, inspection).run();
  }
  return inspection;
}

}  // namespace ldm::weights
