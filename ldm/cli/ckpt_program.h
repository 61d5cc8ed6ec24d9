#pragma once

#include <string>
#include <vector>

namespace ldm::cli {

/// The program `ckpt` from its arguments (without its name) to its exit status: inspect, convert, diff or
/// verify weights. Results go to standard output, talk to standard error. `diff` and `verify` end with 1
/// where they found something, `diff` with 2 in any trouble (as diff(1)).
int ckpt_program(const std::vector<std::string>& arguments);

}  // namespace ldm::cli
