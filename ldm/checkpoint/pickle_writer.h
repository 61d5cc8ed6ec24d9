#pragma once

#include <string>
#include <vector>

#include "ldm/checkpoint/writer.h"

namespace ldm::checkpoint {

/// The pickle (protocol 2) of `top`, in which every tensor is contiguous, on the CPU and alone in its
/// storage. The keys of the storages are "0", "1", ... in the order in which the tensors stand in the tree.
/// Throws CheckpointError for a type without a storage class.
std::string make_ckpt_pickle(const CkptValue& top);

}  // namespace ldm::checkpoint
