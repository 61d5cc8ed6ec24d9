#pragma once

#include <string>

#include "ldm/checkpoint/mapped_file.h"
#include "ldm/checkpoint/state_dict.h"

namespace ldm::weights {

/// Opens a model in diffusers' layout, a folder with `unet/`, `vae/` and `text_encoder/` or some of them, or
/// one such component's folder, and gives its tensors under the keys of the reference, with the format
/// "diffusers folder".
///
/// Of a component's files the first of these is taken: `diffusion_pytorch_model.safetensors`, its sharded
/// form, `.bin`, then the same with `fp16` (for the text encoder `model.safetensors` and
/// `pytorch_model.bin`). Where there are averages besides the trained weights, both are given: `unet/` with a
/// `non_ema` file beside its main one holds the averages in the main one; a folder `unet_ema/` holds the
/// averages of `unet/`. `extra_tensors.safetensors`, which `write_diffusers_folder` makes, is read too.
/// Tokenizer, scheduler, feature extractor and safety checker hold no weights of the model. The names of a
/// network of another structure than v1's stay diffusers', behind its folder's
/// ("unet.add_embedding.linear_1.weight").
///
/// Throws checkpoint::CheckpointError if the folder is none of these, saying what is in it, if it holds no
/// weights, and as `open_checkpoint` does for the files.
checkpoint::StateDict open_diffusers_folder(const std::string& path,
                                            checkpoint::MmapChoice mmap = checkpoint::MmapChoice::automatic);

}  // namespace ldm::weights
