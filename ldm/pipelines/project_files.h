#pragma once

#include <string>
#include <vector>

namespace ldm {

/// Where a relative path of the project ("configs/...", "models/...") is looked for: the current folder, then
/// each folder above this program's file, as itself and as share/ldm (an installation). In that order.
std::vector<std::string> project_places(const std::string& file);

/// The first of `project_places` that exists; `file` itself if none does or it is absolute.
std::string find_project_file(const std::string& file);

/// The checkpoint's path, found as above. Throws files::FileError where there is none, saying where weights
/// belong and where to get them.
std::string find_checkpoint(const std::string& file);

}  // namespace ldm
