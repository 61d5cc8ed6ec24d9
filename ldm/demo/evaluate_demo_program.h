#pragma once

#include <string>
#include <vector>

namespace ldm::demo {

/// The program evaluate_demo; `arguments` without its name. Gives the exit status.
int evaluate_demo_program(const std::vector<std::string>& arguments);

}  // namespace ldm::demo
