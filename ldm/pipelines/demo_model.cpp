#include "ldm/pipelines/demo_model.h"

#include <filesystem>
#include <system_error>

#include "ldm/pipelines/project_files.h"

namespace ldm {
namespace {

bool exists(const std::string& project_path) {
  std::error_code ignored;
  return std::filesystem::exists(find_project_file(project_path), ignored);
}

}  // namespace

bool DemoModel::stands_in_for(const std::string& ckpt_path) {
  return !exists(ckpt_path) && exists(ckpt) && exists(config);
}

}  // namespace ldm
