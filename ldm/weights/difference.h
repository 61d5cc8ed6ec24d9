#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "ldm/checkpoint/state_dict.h"
#include "ldm/weights/tensor_statistics.h"

namespace ldm::weights {

/// A tensor that is in both of two sets of weights, and not the same.
struct TensorChange {
  std::string name;
  c10::ScalarType dtype_a = c10::ScalarType::Undefined, dtype_b = c10::ScalarType::Undefined;
  std::vector<std::int64_t> sizes_a, sizes_b;
  TensorDistance distance;  ///< meaningless where the shapes differ

  bool same_shape() const { return sizes_a == sizes_b; }
};

/// Tensors of one block or part together.
struct GroupDistance {
  std::string name;
  std::int64_t tensors = 0, changed = 0;
  TensorDistance distance;  ///< over those of the same shape
};

struct Difference {
  std::string path_a, path_b;
  std::int64_t same = 0;              ///< tensors of one type, one shape and the same bits
  std::vector<TensorChange> changed;  ///< those of another shape first, then by falling relative distance
  std::vector<std::string> only_a, only_b;  ///< in the order of their files
  /// By block of the UNet, and by part for the rest ("VAE", "text encoder", ...); in the order of A.
  std::vector<GroupDistance> groups;
  TensorDistance distance;  ///< of all tensors that are in both in one shape

  bool none() const { return changed.empty() && only_a.empty() && only_b.empty(); }
};

struct DifferenceOptions {
  /// While tensors are read: bytes of A read and those to read. What it throws passes through.
  std::function<void(std::uint64_t done, std::uint64_t total)> progress;
};

/// Compares two sets of weights as `open_weights` gives them, by name, one tensor at a time. Metadata are not
/// compared. Throws CheckpointError where a file is damaged.
Difference compare_weights(const checkpoint::StateDict& a, const checkpoint::StateDict& b,
                           const DifferenceOptions& options = {});

/// Compares the trained weights (A) of one set with their averages (B), under the names of the former. Throws
/// CheckpointError if there are no averages, or no trained weights beside them.
Difference compare_averages(const checkpoint::StateDict& state, const DifferenceOptions& options = {});

}  // namespace ldm::weights
