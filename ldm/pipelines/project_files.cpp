#include "ldm/pipelines/project_files.h"

#include <filesystem>
#include <system_error>

#include "ldm/files/error.h"

namespace ldm {
namespace fs = std::filesystem;
namespace {

constexpr const char* kInstalled = "share/ldm";

fs::path program_folder() {
  std::error_code error;
  const fs::path program = fs::read_symlink("/proc/self/exe", error);
  return error ? fs::path() : program.parent_path();
}

}  // namespace

std::vector<std::string> project_places(const std::string& file) {
  std::vector<std::string> places{file};
  if (fs::path(file).is_absolute()) return places;
  for (fs::path folder = program_folder(); !folder.empty(); folder = folder.parent_path()) {
    places.push_back((folder / file).string());
    places.push_back((folder / kInstalled / file).string());
    if (folder == folder.parent_path()) break;
  }
  return places;
}

std::string find_project_file(const std::string& file) {
  for (const std::string& place : project_places(file)) {
    std::error_code ignored;
    if (fs::exists(place, ignored)) return place;
  }
  return file;
}

std::string find_checkpoint(const std::string& file) {
  const std::string found = find_project_file(file);
  std::error_code ignored;
  if (fs::exists(found, ignored)) return found;
  throw files::FileError("--ckpt: expected the weights at '" + file +
                         "', found no such file; put or link sd-v1-4.ckpt there, or name another file with "
                         "--ckpt (models/README.md says where to get weights)");
}

}  // namespace ldm
