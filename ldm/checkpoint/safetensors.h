#pragma once

#include <cstdint>
#include <memory>

#include "ldm/checkpoint/mapped_file.h"
#include "ldm/checkpoint/state_dict.h"

namespace ldm::checkpoint {

/// Longest header that we read, the limit of the format's own library.
constexpr std::uint64_t kMaxSafetensorsHeader = 100'000'000;

/// Reads a .safetensors file: eight bytes with the length of the header, a JSON header, the tensors' bytes.
/// The tensors must fill the rest of the file without overlap or hole, and each one's bytes be what its dtype
/// and shape need. Names come in the order of the header. Throws CheckpointError.
StateDict read_safetensors(std::shared_ptr<MappedFile> file);

}  // namespace ldm::checkpoint
