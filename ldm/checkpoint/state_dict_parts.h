#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "ldm/checkpoint/mapped_file.h"
#include "ldm/checkpoint/state_dict.h"

namespace ldm::checkpoint {

/// What a reader of one format hands over to become a StateDict. `names` and `infos` run in parallel and in
/// the order of the file; names are unique. `data_start(i)`, when set, gives the byte to which
/// `infos[i].offset` is relative, is asked at most once per tensor and only for tensors that are used, and
/// may throw CheckpointError (a zip entry's data follows a header that is not worth a disk access for weights
/// nobody wants). The reader has checked all sizes; `data_start` must leave every element inside the file.
struct StateDictParts {
  std::shared_ptr<MappedFile> file;
  std::string format;
  std::vector<std::string> names;
  std::vector<TensorInfo> infos;
  std::map<std::string, std::string> metadata;
  std::function<std::int64_t(std::size_t)> data_start;
};

/// Throws CheckpointError if a name is there twice.
StateDict make_state_dict(StateDictParts parts);

}  // namespace ldm::checkpoint
