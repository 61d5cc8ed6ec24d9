#pragma once

#include <string>

#include "ldm/checkpoint/bytes.h"

namespace ldm::checkpoint {

/// Forms of file that we read.
enum class FileForm { kZip, kTorchLegacy, kSafetensors, kShardIndex };

/// Tells the form of a file by its first bytes. Throws CheckpointError naming `path` for every form that we
/// do not read, saying what the file is and how to come by the right one.
FileForm sniff(ByteView file, const std::string& path);

}  // namespace ldm::checkpoint
