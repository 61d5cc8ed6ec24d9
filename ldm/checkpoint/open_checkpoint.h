#pragma once

#include <memory>
#include <string>

#include "ldm/checkpoint/mapped_file.h"
#include "ldm/checkpoint/state_dict.h"

namespace ldm::checkpoint {

/// Opens a checkpoint of any form we read: the zip files of `torch.save` (what SD v1 is published as, .ckpt),
/// its files from before PyTorch 1.6, .safetensors, and the index (.index.json) of either in several files,
/// which are then opened too. The form is told by the content, never by the name. Runs nothing that the file
/// holds and reads no weights. Throws CheckpointError for everything else, in words for the user: a Git LFS
/// pointer, an HTML page, a download that was cut short, an archive, a TorchScript program, a global in the
/// pickle that is not on the allow-list. The tensors are those under the top-level key "state_dict", or,
/// where there is no such key, those of the top level itself.
StateDict open_checkpoint(const std::string& path, MmapChoice mmap = MmapChoice::automatic);

/// What a .ckpt of `torch.save` holds beside its state dict, as a training run leaves it there: tensors and
/// scalars (`notes().scalars`) under paths such as "optimizer_states.0.state.3.exp_avg" and
/// "optimizer_states.0.param_groups.0.lr". Throws CheckpointError as above, and for another form of file.
StateDict open_training_state(const std::string& path, MmapChoice mmap = MmapChoice::automatic);

/// open_checkpoint for a file that is open or in memory already; `file` names it in messages. An index is
/// refused.
StateDict read_checkpoint(std::shared_ptr<MappedFile> file);

}  // namespace ldm::checkpoint
