#pragma once

#include <string>

#include "ldm/checkpoint/mapped_file.h"
#include "ldm/checkpoint/state_dict.h"

namespace ldm::weights {

/// How weights are opened.
struct WeightsOptions {
  checkpoint::MmapChoice mmap = checkpoint::MmapChoice::automatic;
  /// Where the averages come from if they are kept apart: any file or folder that `open_weights` opens. Empty
  /// for none.
  std::string ema_path;
};

/// Opens the weights of Stable Diffusion in any shape we know, a file (`checkpoint::open_checkpoint`) or a
/// diffusers folder, and gives them under the keys of the reference. Nothing is read but tables; tensors stay
/// where they lie.
///
/// What is renamed is listed in the folder's README: `text_model.` left out, averages spelled with dots,
/// prefixes put before everything, files of a bare UNet, VAE or text encoder, names of diffusers. A file
/// whose names are none of these is given as it is, and `recognise` tells what it may be. Keys that are there
/// under two spellings are refused.
///
/// With `ema_path` all of `model_ema.*` comes from there: from its own `model_ema.*` where it has averages,
/// else its UNet is taken as the averages; the first path's own averages are dropped.
///
/// `format()` is that of the file or "diffusers folder". Throws checkpoint::CheckpointError as
/// `open_checkpoint` does, for a folder that is no diffusers folder (saying what is in it), and for an
/// `ema_path` without a UNet.
checkpoint::StateDict open_weights(const std::string& path, const WeightsOptions& options = {});

}  // namespace ldm::weights
