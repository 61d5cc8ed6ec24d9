#pragma once

#include <string>

namespace ldm::testing {

/// Path of a file that every checkout holds in tests/goldens. Throws std::runtime_error if it is missing.
std::string golden_path(const std::string& file);

/// Path of a golden that only a larger collection may hold: looked for in tests/goldens, then in the folder
/// that the environment variable LDM_GOLDENS names. Empty when neither has it.
std::string shared_golden_path(const std::string& file);

/// Path of a file of the project itself, such as "configs/stable-diffusion/v1-inference.yaml".
std::string project_path(const std::string& file);

/// A folder of this test process alone, removed when the process ends. Same path at each call.
std::string temp_dir();

}  // namespace ldm::testing
