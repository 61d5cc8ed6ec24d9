#pragma once

#include <string>
#include <vector>

namespace ldm::demo {

/// The program make_demo_data; `arguments` without its name. Gives the exit status.
int make_demo_data_program(const std::vector<std::string>& arguments);

}  // namespace ldm::demo
