#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "ldm/checkpoint/writer.h"

namespace ldm::weights {

/// Called before each tensor is written: bytes of tensors written so far, bytes of all, the tensor's name in
/// the reference's spelling, and once at the end with all bytes and no name. What it throws before that ends
/// the writing and leaves nothing behind.
using WriteProgress = std::function<void(std::uint64_t done, std::uint64_t total, const std::string& name)>;

struct DiffusersWriterOptions {
  WriteProgress progress;
  /// What shapes do not tell. v1's UNet has 8 attention heads at every level.
  std::int64_t unet_heads = 8;
  /// Heads of the text encoder; 0 for one per 64 channels, as in all of OpenAI's CLIP models.
  std::int64_t text_heads = 0;
};

/// What became of the tensors.
struct WrittenFolder {
  std::vector<std::string> left_out;  ///< names that the layout has no place for
};

/// Writes a model in diffusers' layout, which `StableDiffusionPipeline.from_pretrained` loads, from tensors
/// under the keys of the reference: safetensors for the text encoder, UNet and VAE, a `config.json` for each
/// with the sizes that the shapes tell, `model_index.json`, the scheduler of v1 and CLIP's tokenizer. Of
/// averages and trained weights that are both there, the averages are the main file of `unet/`, and the
/// trained weights its variant `non_ema`. The noise schedule and LitEma's counters go into
/// `extra_tensors.safetensors`, which other programs do not look at, so that nothing is lost on the way back.
///
/// The folder appears under `path` when it is whole; before that it has a temporary name beside it. An empty
/// folder of that name is replaced. One tensor is in memory at a time. Throws checkpoint::CheckpointError if
/// `path` exists and is not an empty folder, a network is missing or not of v1's structure, the disk is full,
/// or as the writers of ldm/checkpoint do; what `make` throws passes through.
WrittenFolder write_diffusers_folder(const std::string& path,
                                     const std::vector<checkpoint::NamedTensorSource>& sources,
                                     const DiffusersWriterOptions& options = {});

}  // namespace ldm::weights
