#pragma once

#include <c10/core/ScalarType.h>

#include <cstdint>
#include <string>
#include <vector>

#include "ldm/checkpoint/pickle_value.h"
#include "ldm/checkpoint/state_dict.h"

namespace ldm::checkpoint {

/// A storage as a torch pickle names it: `numel` elements of one type, under a key of 1 to 64 bytes.
struct StorageRecord {
  std::string key;
  c10::ScalarType dtype = c10::ScalarType::Undefined;
  std::int64_t numel = 0;
};

/// A tensor as a torch pickle describes it: a strided view of a storage. Offset, sizes and strides are in
/// elements, none negative, and every element lies inside the storage.
struct TensorRecord {
  std::string name;
  c10::ScalarType dtype = c10::ScalarType::Undefined;  ///< the storage's, unless that is one of bytes
  StorageRecord storage;
  std::int64_t offset = 0;
  std::vector<std::int64_t> sizes;
  std::vector<std::int64_t> strides;
};

/// Reads a kStorage value. `what` begins the messages. Throws CheckpointError if a part of it is not of the
/// kind that it must be.
StorageRecord read_storage_record(const Value& storage, const std::string& what);

/// Reads a kTensor value and checks its numbers against each other. `label` begins the messages. Throws
/// CheckpointError.
TensorRecord read_tensor_record(const std::string& name, const Value& tensor, const std::string& label);

/// The record as the place of a tensor, with an offset from the storage's begin in bytes; takes sizes and
/// strides out of it. Throws CheckpointError if the elements of the tensor, some of them repeated by strides
/// of 0, are more bytes than `limit`.
TensorInfo make_tensor_info(TensorRecord& record, std::uint64_t limit, const std::string& path);

}  // namespace ldm::checkpoint
