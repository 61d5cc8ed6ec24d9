#pragma once

#include <memory>

#include "ldm/checkpoint/mapped_file.h"
#include "ldm/checkpoint/state_dict.h"
#include "ldm/checkpoint/torch_pickle.h"

namespace ldm::checkpoint {

/// Reads the zip form of `torch.save` (since PyTorch 1.6): ROOT/data.pkl describes the tensors, ROOT/data/KEY
/// holds the bytes of each storage. Any root folder name; CUDA tensors become CPU tensors. PyTorch stores the
/// entries; of a file that was packed again with compression, a storage is unpacked when a tensor of it is
/// asked for. data.pkl is verified by its CRC-32, and so are compressed storages; stored ones are not (that
/// would read them all), but by `StateDict::checks`. Where sizes of storages and their types disagree, see
/// `ZipStorages::find`. Throws CheckpointError, also for TorchScript archives.
StateDict read_torch_zip(std::shared_ptr<MappedFile> file, TorchPart part = TorchPart::kStateDict);

}  // namespace ldm::checkpoint
