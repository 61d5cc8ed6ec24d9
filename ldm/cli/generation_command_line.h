#pragma once

#include "ldm/cli/command_line.h"
#include "ldm/pipelines/generation_options.h"

namespace ldm::cli {

/// What to do when the memory is too small for a picture.
inline constexpr const char* kPictureMemoryAdvice =
    "lower --n_samples, or --H and --W (a smaller --init-img), or on a GPU use --precision half";

/// How a program goes about its work.
struct ProgramOptions {
  bool help = false;         ///< only say what there is to say
  bool dry_run = false;      ///< only say what would be made
  bool interactive = false;  ///< a prompt per line of standard input, the model loaded once
};

/// THE table of txt2img's or img2img's options (by `generation.kind`), tied to the two structs, which must
/// outlive it. Defaults are the values that the structs hold now.
CommandLine generation_command_line(GenerationOptions& generation, ProgramOptions& program);

/// After parsing, before `finish_command_line`: where neither a config nor weights were named and no weights
/// of Stable Diffusion are in their place, turns to the demo model, at its own size unless another was named,
/// and says so in one line. Otherwise changes nothing and gives an empty text.
std::string turn_to_demo_model(const CommandLine& line, GenerationOptions& generation);

/// After parsing: takes the overrides over and throws OptionError for what contradicts itself, or
/// NotSupported (check_options, and what only the command line knows: which options were named).
void finish_command_line(const CommandLine& line, GenerationOptions& generation,
                         const ProgramOptions& program);

}  // namespace ldm::cli
