#pragma once

#include <cstdint>

#include "ldm/checkpoint/bytes.h"

namespace ldm::checkpoint {

/// How many bytes a zip file of `torch.save` lacks at least whose end is missing: read from the pickle at its
/// begin, where that is whole and stored. 0 if it cannot be told. Runs nothing and throws nothing.
std::uint64_t missing_bytes_of_cut_zip(ByteView file);

}  // namespace ldm::checkpoint
