#include "ldm/experiments/plan_files.h"

#include <filesystem>
#include <system_error>

#include "ldm/experiments/plan.h"
#include "ldm/files/error.h"
#include "ldm/pipelines/project_files.h"

namespace ldm::experiments {

namespace fs = std::filesystem;

const std::string& PlanFiles::found(const std::string& path) {
  const auto [place, is_new] = found_.try_emplace(path);
  if (is_new) place->second = find_project_file(path);
  return place->second;
}

bool PlanFiles::is_folder(const std::string& path) {
  const auto [place, is_new] = folders_.try_emplace(path, false);
  if (is_new) {
    std::error_code ignored;
    place->second = fs::is_directory(found(path), ignored);
  }
  return place->second;
}

void PlanFiles::check(const GenerationOptions& options) {
  const ModelOptions& model = options.model;
  expect(found(model.config), "a config", /*folder_will_do=*/false);
  expect_checkpoint(model.ckpt);
  if (!model.ema_ckpt.empty()) expect(model.ema_ckpt, "averaged weights", /*folder_will_do=*/true);
  if (options.init_img.empty()) return;
  expect(options.init_img, "a picture to start from", /*folder_will_do=*/false);
}

void PlanFiles::expect(const std::string& path, const std::string& what, bool folder_will_do) {
  if (!seen_.emplace(what, path).second) return;
  std::error_code ignored;  // a path that cannot be looked at is as good as none
  const bool is_there = fs::exists(path, ignored), is_folder_there = fs::is_directory(path, ignored);
  if (is_there && (folder_will_do || !is_folder_there)) return;
  throw PlanError(experiment_ + ": expected " + what + " at '" + path + "', found " +
                  (is_there ? "a folder" : "nothing there"));
}

void PlanFiles::expect_checkpoint(const std::string& path) {
  if (!seen_.emplace("weights", path).second) return;
  try {
    find_checkpoint(path);
  } catch (const files::FileError& error) {
    throw PlanError(experiment_ + ": " + error.what());
  }
}

}  // namespace ldm::experiments
