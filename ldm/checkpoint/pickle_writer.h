#pragma once

#include <string>
#include <vector>

#include "ldm/checkpoint/writer.h"

namespace ldm::checkpoint {

/// The pickle (protocol 2) of `{"state_dict": {name: tensor, ...}, scalar: value, ...}`, in which tensor i is
/// contiguous, on the CPU and alone in the storage with key "i". Throws CheckpointError for a type without a
/// storage class.
std::string make_ckpt_pickle(const std::vector<NamedTensorSource>& sources, const NamedScalars& scalars);

}  // namespace ldm::checkpoint
