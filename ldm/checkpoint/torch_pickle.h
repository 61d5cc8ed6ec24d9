#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "ldm/checkpoint/bytes.h"
#include "ldm/checkpoint/state_dict.h"
#include "ldm/checkpoint/torch_records.h"

namespace ldm::checkpoint {

/// Pickles of the field's checkpoints are below 5 MB; more would only help somebody to fill the memory.
constexpr std::uint64_t kMaxPickleSize = std::uint64_t{1} << 26;

/// The two forms of `torch.save` that we read; their pickles differ in how they name storages.
enum class TorchForm { kZip, kLegacy };

/// The weights, or everything beside them (see torch_extras.h).
enum class TorchPart { kStateDict, kExtras };

/// What we take from a torch checkpoint's pickle.
struct TorchPickle {
  std::vector<TensorRecord> tensors;  ///< of the part, in its order
  /// Every storage that the pickle names, also of tensors outside the state dict, once. Where the zip form
  /// names one with several types, the largest counts.
  std::vector<StorageRecord> storages;
  FileNotes notes;           ///< the globals, and the scalars of the part in their order
  std::uint64_t length = 0;  ///< of the pickle, in bytes; others may follow
};

/// Reads the pickle of a torch checkpoint, running nothing. The state dict is the mapping under the top-level
/// key "state_dict", or, if there is no such key, the top level itself, which must then hold tensors. Entries
/// that are no tensors are skipped; of a key that is there twice the last value counts, as in Python. Its
/// scalars are those at the top level (epoch, global_step). `label` begins the messages. Throws
/// CheckpointError.
TorchPickle read_torch_pickle(ByteView pickle, const std::string& label, TorchForm form = TorchForm::kZip,
                              TorchPart part = TorchPart::kStateDict);

}  // namespace ldm::checkpoint
