#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "ldm/data/png.h"

namespace ldm::data {

/// What made a picture. Texts may be any bytes: what is not UTF-8 is written as U+FFFD. Empty texts and
/// missing numbers are left out of what is written. There is no time, host or path in it, so that equal
/// inputs make equal files.
struct GenerationParameters {
  std::string prompt, negative_prompt;
  std::int64_t steps = 0;              ///< that were asked for
  std::string sampler;                 ///< as the library names it: "ddim", "plms", "dpm_solver", "ddpm"
  double cfg_scale = 0;                ///< unconditional guidance scale
  std::int64_t seed = 0;               ///< of the run, or of this picture with per_image_seeds
  std::int64_t width = 0, height = 0;  ///< of the picture, in pixels
  std::string model;       ///< the checkpoint; only its name, without folder and extension, is written
  std::string model_hash;  ///< first ten digits of the SHA-256 of its file, if somebody computed it
  std::optional<double> denoising_strength;  ///< img2img's strength
  std::optional<double> eta;                 ///< of samplers that have one
  std::string precision;                     ///< "full", "autocast", ...
  std::string device;                        ///< its kind: "cpu" or "cuda"
  std::string rng;                           ///< whose generator drew the noise: "CPU" or "GPU"
  std::optional<bool> ema;                   ///< whether the EMA weights were used
  bool per_image_seeds = false;
  /// Where the picture stands in a run whose pictures share one seed, which it takes to draw it again.
  std::int64_t batch_size = 1, batch_pos = 0, iteration = 0;
  std::string version = library_version();
  /// Further names and values, as they shall stand in the file. A name has two or more letters, digits,
  /// spaces, '-', '_' or '/'.
  std::vector<std::pair<std::string, std::string>> other;

  /// "ldm 0.1.0". Not a bare number: the webui would take that for a version of its own and work around bugs
  /// that it had then.
  static std::string library_version();
};

/// The text that AUTOMATIC1111's webui writes under the keyword "parameters", and its ecosystem reads: the
/// prompt; "Negative prompt: ..." if there is one; a last line "Steps: 20, Sampler: DDIM, CFG scale: 7.5,
/// Seed: 42, Size: 512x512, ...". In that line samplers carry the webui's names, and a value with a comma, a
/// colon or a line end is quoted as JSON. Eta is written when it is not 0, the place in a batch when it
/// matters. Throws std::invalid_argument for a name in `other` that the webui would not read.
std::string parameters_text(const GenerationParameters& parameters);

/// The same, complete and by name: one JSON object in one line, with the struct's names; `other` is an
/// object.
std::string parameters_json(const GenerationParameters& parameters);

/// Both as texts of a PNG: "parameters" and "ldm".
std::vector<PngText> parameters_chunks(const GenerationParameters& parameters);

}  // namespace ldm::data
