#pragma once

#include <ATen/core/Tensor.h>

#include <string>
#include <vector>

#include "ldm/checkpoint/writer.h"

namespace ldm::checkpoint {

/// Checks the shape of a tensor that is to be written to `path`: byte counts must fit into 63 bits. Throws
/// CheckpointError.
void check_source(const std::string& path, const NamedTensorSource& source);

/// Checks names and shapes of what is to be written to `path`: names must be UTF-8, not empty and there once,
/// byte counts must fit into 63 bits together. Throws CheckpointError.
void check_sources(const std::string& path, const std::vector<NamedTensorSource>& sources);

/// Bytes of the tensor that a source gives.
std::uint64_t source_bytes(const NamedTensorSource& source);

/// The source's tensor, made, contiguous and on the CPU. Throws CheckpointError if it is not as told.
at::Tensor make_contiguous(const std::string& path, const NamedTensorSource& source);

}  // namespace ldm::checkpoint
