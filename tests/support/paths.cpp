#include "tests/support/paths.h"

#include <unistd.h>

#include <cstdlib>
#include <filesystem>
#include <stdexcept>

namespace ldm::testing {
namespace fs = std::filesystem;
namespace {

/// Removes the process's folder when the process ends.
struct TempDir {
  fs::path path = fs::temp_directory_path() / ("ldm-test-" + std::to_string(getpid()));
  TempDir() { fs::create_directories(path); }
  ~TempDir() {
    std::error_code ignored;
    fs::remove_all(path, ignored);
  }
};

}  // namespace

std::string project_path(const std::string& file) {
  return (fs::path(LDM_PROJECT_DIR) / file).string();
}

std::string golden_path(const std::string& file) {
  const std::string path = project_path("tests/goldens/" + file);
  if (!fs::exists(path)) throw std::runtime_error("expected the golden file " + path);
  return path;
}

std::string shared_golden_path(const std::string& file) {
  const std::string own = project_path("tests/goldens/" + file);
  if (fs::exists(own)) return own;
  const char* folder = std::getenv("LDM_GOLDENS");
  if (folder == nullptr) return "";
  const fs::path path = fs::path(folder) / file;
  return fs::exists(path) ? path.string() : "";
}

std::string temp_dir() {
  static const TempDir dir;
  return dir.path.string();
}

}  // namespace ldm::testing
