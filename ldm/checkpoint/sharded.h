#pragma once

#include <memory>

#include "ldm/checkpoint/mapped_file.h"
#include "ldm/checkpoint/state_dict.h"

namespace ldm::checkpoint {

/// Opens the files that an index names (`index` is its file, see shard_index.h), which lie in its folder, as
/// one StateDict in the order of the index. A tensor must lie in the file that the index says and in no
/// other; one that the index does not list is left out, with a remark. Throws CheckpointError, which names
/// the files that are missing.
StateDict read_sharded(const MappedFile& index, MmapChoice mmap);

}  // namespace ldm::checkpoint
