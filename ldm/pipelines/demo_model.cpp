#include "ldm/pipelines/demo_model.h"

#include <algorithm>
#include <filesystem>
#include <system_error>
#include <vector>

#include "ldm/pipelines/project_files.h"

namespace ldm {
namespace fs = std::filesystem;
namespace {

bool exists(const std::string& project_path) {
  std::error_code ignored;
  return fs::exists(find_project_file(project_path), ignored);
}

/// A link that leads nowhere counts: its weights are on a disk that is not there, and that is an error of its
/// own.
bool is_anything(const std::string& path) {
  std::error_code ignored;
  return fs::exists(fs::symlink_status(path, ignored));
}

}  // namespace

bool DemoModel::stands_in_for(const std::string& ckpt_path) {
  const std::vector<std::string> places = project_places(ckpt_path);
  return std::none_of(places.begin(), places.end(), is_anything) && exists(ckpt) && exists(config);
}

}  // namespace ldm
