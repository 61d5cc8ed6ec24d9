#pragma once

#include <string>
#include <vector>

#include "ldm/cli/generation_session.h"

namespace ldm::cli {

/// txt2img or img2img from its arguments (without the program's name) to its exit status: parses, then makes
/// the plan, one run or an interactive session. Talks on standard error; writes the names of the files made
/// to standard output. `read_picture` is asked by img2img alone.
int generation_program(GenerationKind kind, const std::vector<std::string>& arguments,
                       const ReadPicture& read_picture);

}  // namespace ldm::cli
