#pragma once

#include <cstdint>
#include <ostream>
#include <string>
#include <vector>

#include "ldm/parity/runner.h"

namespace ldm::parity {

/// What a run over several files came to.
struct Summary {
  std::int64_t passed = 0, failed = 0;
  std::vector<std::string> not_supported;
};

/// Runs each file and writes to `out` a line for each tensor (name, largest absolute error, |a-b|/|b|,
/// verdict), one for each file, and last "N passed, M failed, K not supported" with K's names. Errors of a
/// case count as its failure.
Summary run_files(const std::vector<std::string>& paths, const RunOptions& options, std::ostream& out);

}  // namespace ldm::parity
