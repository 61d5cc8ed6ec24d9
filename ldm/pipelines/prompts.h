#pragma once

#include <string>
#include <vector>

#include "ldm/pipelines/generation_options.h"

namespace ldm {

/// The prompts of a text file (UTF-8, with or without a byte order mark), one a line; lines that are blank
/// are left out. `option` names the file in messages. Throws files::FileError if it cannot be read,
/// OptionError if there is no prompt in it.
std::vector<std::string> read_prompts(const std::string& path, const std::string& option = "--from-file");

/// The prompts of one pass, by batch: the one prompt n_samples times, or those of `from_file` n_samples at a
/// time, of which the last batch may hold fewer. Throws as read_prompts.
std::vector<std::vector<std::string>> prompt_batches(const GenerationOptions& options);

}  // namespace ldm
