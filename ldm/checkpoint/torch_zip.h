#pragma once

#include <memory>

#include "ldm/checkpoint/mapped_file.h"
#include "ldm/checkpoint/state_dict.h"

namespace ldm::checkpoint {

/// Reads the zip form of `torch.save` (since PyTorch 1.6): ROOT/data.pkl describes the tensors, ROOT/data/KEY
/// holds the bytes of each storage, stored and not compressed. Any root folder name; CUDA tensors become CPU
/// tensors. data.pkl is verified by its CRC-32, the storages are not (that would read them all). Throws
/// CheckpointError, also for TorchScript archives.
StateDict read_torch_zip(std::shared_ptr<MappedFile> file);

}  // namespace ldm::checkpoint
