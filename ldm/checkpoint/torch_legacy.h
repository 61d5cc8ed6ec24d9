#pragma once

#include <memory>
#include <string_view>

#include "ldm/checkpoint/mapped_file.h"
#include "ldm/checkpoint/state_dict.h"

namespace ldm::checkpoint {

/// Whether a file with these first bytes is one that `torch.save` wrote before PyTorch 1.6, or later with
/// _use_new_zipfile_serialization=False.
bool begins_torch_legacy(std::string_view head);

/// Reads that form: a pickle each of a magic number, of the protocol's version (1001), of the system, of the
/// object and of the list of storage keys, and then for each of these keys a count of elements (8 bytes) and
/// the elements. What the pickles say of the storages must be the rest of the file exactly; of a file that is
/// cut there the error tells how many bytes are missing. The counts are read at once, which costs a page for
/// each storage, and the elements when a tensor is used; those of tensors at an odd place are copied. Throws
/// CheckpointError, also for files of big-endian machines.
StateDict read_torch_legacy(std::shared_ptr<MappedFile> file);

}  // namespace ldm::checkpoint
