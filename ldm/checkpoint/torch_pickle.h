#pragma once

#include <c10/core/ScalarType.h>

#include <cstdint>
#include <string>
#include <vector>

#include "ldm/checkpoint/bytes.h"
#include "ldm/checkpoint/scalar.h"

namespace ldm::checkpoint {

/// A tensor as a torch pickle describes it: a strided view of a storage. Offset, sizes and strides are in
/// elements, none negative, and every element lies inside the storage's `storage_numel`.
struct TensorRecord {
  std::string name;
  c10::ScalarType dtype = c10::ScalarType::Undefined;
  std::string storage_key;
  std::int64_t storage_numel = 0;
  std::int64_t offset = 0;
  std::vector<std::int64_t> sizes;
  std::vector<std::int64_t> strides;
};

/// What we take from a torch checkpoint's pickle: the tensors of its state dict and the scalars at the top
/// level (epoch, global_step, pytorch-lightning_version), in their order.
struct TorchPickle {
  std::vector<TensorRecord> tensors;
  NamedScalars scalars;
};

/// Reads the pickle of a torch checkpoint, running nothing. The state dict is the mapping under the top-level
/// key "state_dict", or, if there is no such key, the top level itself, which must then hold tensors. Entries
/// that are no tensors are skipped; of a key that is there twice the last value counts, as in Python. `label`
/// begins the messages. Throws CheckpointError.
TorchPickle read_torch_pickle(ByteView pickle, const std::string& label);

}  // namespace ldm::checkpoint
