#pragma once

#include <string>
#include <vector>

#include "ldm/cli/model_session.h"

namespace ldm::experiments {

/// The program `experiment` from its arguments (without its own name) to its exit status. `read_picture`
/// reads what img2img starts from.
int experiment_program(const std::vector<std::string>& arguments, const cli::ReadPicture& read_picture);

}  // namespace ldm::experiments
