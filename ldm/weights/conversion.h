#pragma once

#include <c10/core/ScalarType.h>

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "ldm/checkpoint/state_dict.h"
#include "ldm/checkpoint/writer.h"

namespace ldm::weights {

/// What becomes of the averages (`model_ema.*`). `keep`: they stay beside the trained weights. `only`: they
/// take the places of the trained weights under `model.`, as in the files that are published for inference;
/// LitEma's `decay` and `num_updates` stay, as they do there. `drop`: all of `model_ema.*` goes.
enum class EmaTreatment { keep, only, drop };

enum class WeightsFormat { ckpt, safetensors, diffusers };

struct ConversionOptions {
  WeightsFormat format = WeightsFormat::safetensors;
  /// Type of the floating point weights; none keeps each tensor's own.
  std::optional<c10::ScalarType> dtype;
  EmaTreatment ema = EmaTreatment::keep;
  /// Takes the place of the model's own VAE.
  std::optional<checkpoint::StateDict> vae;
  /// Whether a .ckpt's entries are packed.
  checkpoint::CkptPacking packing = checkpoint::CkptPacking::stored;
  /// Rows of the text encoder's token table that stay; all others become zero, and pack to nothing. None
  /// keeps all.
  std::optional<std::vector<std::int64_t>> kept_tokens;
  /// Called before each tensor, with the bytes written so far and those of all. What it throws ends the
  /// conversion and leaves nothing behind.
  std::function<void(std::uint64_t done, std::uint64_t total)> progress;
};

/// Finite values that became infinite, being too large for the new type.
struct Overflow {
  std::string name;
  std::int64_t count = 0;
};

struct ConversionReport {
  std::size_t tensors = 0;           ///< written
  std::size_t converted = 0;         ///< of them in another type than before
  std::uint64_t bytes = 0;           ///< of tensors, written
  std::vector<Overflow> overflows;   ///< in the order of writing
  std::vector<std::string> dropped;  ///< names of the input that are not in the output
};

/// The tensors that a conversion writes, under the names that they get, in their own types: averages and VAE
/// put where the options say. Throws checkpoint::CheckpointError where averages are asked for and there are
/// none, where dropping them would leave no UNet, for kept tokens without a token table, and for a VAE whose
/// tensors are not those of the model's.
checkpoint::StateDict select_weights(const checkpoint::StateDict& state, const ConversionOptions& options);

/// The type in which a tensor is written. Integers stay as they are. So do the buffers of the noise schedule
/// and LitEma's counters: a program that loads them computes with them as they are, and the cumulative
/// products of the last timesteps have no precision to lose. Averages are weights.
c10::ScalarType converted_type(const std::string& name, c10::ScalarType dtype,
                               const ConversionOptions& options);

/// Writes weights (as `open_weights` gives them) to `path` in the form that the options describe, replacing a
/// file of that name. One tensor is in memory at a time, and its pages of the input are let go of when it is
/// written. Without a change of type every tensor keeps its bits. A .ckpt gets the scalars that came with a
/// .ckpt, with their types, or the metadata of a .safetensors file; a .safetensors file gets "format": "pt"
/// and either of them as texts. Throws as `select_weights` and the writers do.
ConversionReport convert_weights(const checkpoint::StateDict& state, const std::string& path,
                                 const ConversionOptions& options);

}  // namespace ldm::weights
