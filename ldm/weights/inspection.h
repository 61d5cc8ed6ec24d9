#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "ldm/checkpoint/state_dict.h"
#include "ldm/weights/file_hash.h"
#include "ldm/weights/model_family.h"
#include "ldm/weights/sd_keys.h"
#include "ldm/weights/tensor_statistics.h"

namespace ldm::weights {

/// "float32", "bfloat16", "int64", ...: the name of an element type in Python.
std::string dtype_name(c10::ScalarType dtype);

/// How much there is of something.
struct Amount {
  std::int64_t tensors = 0;
  std::int64_t elements = 0;
  std::int64_t parameters = 0;  ///< elements of floating point tensors
  std::int64_t bytes = 0;
};

/// What averages (`model_ema.*`) weights have. `averages_only`: averages without trained weights.
/// `looks_ema_only`: LitEma's counters are there and no averages, as in files published for inference: the
/// plain weights are then averages.
enum class EmaKind { none, twins, averages_only, looks_ema_only };

/// "none", "twins", "averages_only", "looks_ema_only".
const char* name_of(EmaKind kind);

struct EmaFacts {
  EmaKind kind = EmaKind::none;
  std::int64_t averages = 0;
  std::optional<double> decay;
  std::optional<std::int64_t> num_updates;
};

/// How far the averages of a block of the UNet are from its trained weights.
struct BlockDistance {
  std::string block;
  TensorDistance distance;  ///< a: trained, b: average
};

/// One tensor.
struct KeyFacts {
  std::string name;
  c10::ScalarType dtype = c10::ScalarType::Undefined;
  std::vector<std::int64_t> sizes;
  ModelPart part = ModelPart::other;
  std::optional<TensorStatistics> statistics;
};

struct InspectionOptions {
  bool statistics = false;  ///< read all tensors
  /// While tensors are read: bytes read and those to read. What it throws passes through.
  std::function<void(std::uint64_t done, std::uint64_t total)> progress;
};

/// All there is to know of a set of weights.
struct Inspection {
  std::string path, format;
  std::uint64_t file_bytes = 0;  ///< of the file, or of all files in the folder
  Amount total;
  std::map<std::string, Amount> by_dtype;
  std::map<ModelPart, Amount> by_part;
  ModelFamily family;
  EmaFacts ema;
  std::map<std::string, std::string> metadata;
  checkpoint::FileNotes notes;
  std::vector<KeyFacts> keys;  ///< in the order of the file

  bool has_statistics = false;
  std::vector<BlockDistance> ema_distances;  ///< in the order of the UNet's blocks in the file
  TensorDistance ema_distance;               ///< of all of them together
  std::optional<FileHash> hash;              ///< for the caller to fill
};

/// Looks at weights as `open_weights` gives them. Without statistics it reads tables and two scalars; with
/// them, every tensor once, one or two at a time, letting go of the pages behind it. Throws CheckpointError.
Inspection inspect_weights(const checkpoint::StateDict& state, const InspectionOptions& options = {});

}  // namespace ldm::weights
