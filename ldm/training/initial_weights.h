#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "ldm/checkpoint/state_dict.h"
#include "ldm/models/autoencoder.h"
#include "ldm/models/diffusion/ddpm.h"
#include "ldm/training/trainer_options.h"

namespace ldm::training {

/// Where a run's first weights come from, told to a person line by line.
using Say = std::function<void(const std::string& line)>;

/// Gives every parameter of the model storage and its first value: drawn from torch's default CPU generator,
/// then overwritten by the weights that the config names, in this order: `ckpt_path` of the first stage,
/// `ckpt_path` of the model (without keys that begin as one of `ignore_keys`; `load_only_unet`),
/// `finetune_from`. These are anything that weights::open_weights opens. The averages (LitEma) come from the
/// last two where those have some, else they start at the weights; with `finetune_ema` the weights of the
/// network start at the file's averages.
///
/// Throws checkpoint::CheckpointError and files::FileError for a file that cannot be read, UnfitError for
/// a tensor of another shape, a file that has none of the model's weights, and for a frozen part (first
/// stage, conditioning stage) that would stay random.
void start_weights(DDPMImpl& model, const TrainerOptions& options, const Say& say);
void start_weights(AutoencoderKLImpl& model, const TrainerOptions& options, const Say& say);

/// The storage alone, for weights that a checkpoint is about to give.
void allocate_weights(DDPMImpl& model);
void allocate_weights(AutoencoderKLImpl& model);

}  // namespace ldm::training
