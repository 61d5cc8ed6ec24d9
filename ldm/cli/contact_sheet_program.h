#pragma once

#include <string>
#include <vector>

namespace ldm::cli {

/// The program contact_sheet; `arguments` without its name. Gives the exit status.
int contact_sheet_program(const std::vector<std::string>& arguments);

}  // namespace ldm::cli
