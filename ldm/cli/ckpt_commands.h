#pragma once

#include <string>
#include <vector>

#include "ldm/cli/exit_status.h"

namespace ldm::cli {

/// The commands of `ckpt`, from their arguments (without the command's name) to their ends. They write
/// results to standard output and throw what `explain` knows.
ExitStatus inspect_command(const std::vector<std::string>& arguments);
ExitStatus convert_command(const std::vector<std::string>& arguments);
/// ExitStatus::failure where the two differ.
ExitStatus diff_command(const std::vector<std::string>& arguments);
/// ExitStatus::failure where there is a finding.
ExitStatus verify_command(const std::vector<std::string>& arguments);

}  // namespace ldm::cli
