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

/// The bytes of a storage that had to be unpacked; shared by the tensors that view it.
using UnpackedStorage = std::shared_ptr<const std::vector<std::uint8_t>>;

/// What a reader of one format hands over to become a StateDict. `names` and `infos` run in parallel and in
/// the order of the file; names are unique. The functions get the place of a tensor in `infos`, are asked for
/// tensors that are used only, and may throw CheckpointError.
///
/// `data_start(i)`, when set, gives the byte to which `infos[i].offset` is relative (a zip entry's data
/// follows a header that is not worth a disk access for weights nobody wants). The reader has checked all
/// sizes; `data_start` must leave every element inside the file. `unpack(i)` must be set if any tensor is
/// `packed`: it gives that tensor's whole storage, in which every element lies, checked against its checksum;
/// it must be safe to call from several threads.
struct StateDictParts {
  std::shared_ptr<MappedFile> file;
  std::string format;
  std::vector<std::string> names;
  std::vector<TensorInfo> infos;
  std::map<std::string, std::string> metadata;  ///< besides `notes.scalars`, which become part of it as text
  FileNotes notes;
  std::vector<FileCheck> checks;
  std::function<std::int64_t(std::size_t)> data_start;
  std::function<UnpackedStorage(std::size_t)> unpack;
};

/// Throws CheckpointError if a name is there twice, or the file was cut short while it was read.
StateDict make_state_dict(StateDictParts parts);

}  // namespace ldm::checkpoint
