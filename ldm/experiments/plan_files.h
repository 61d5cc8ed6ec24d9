#pragma once

#include <map>
#include <set>
#include <string>
#include <utility>

#include "ldm/pipelines/generation_options.h"

namespace ldm::experiments {

/// The files that the cells of one experiment name. Each is looked at once, however many cells name it.
class PlanFiles {
 public:
  /// `experiment`: its file, for messages.
  explicit PlanFiles(std::string experiment) : experiment_(std::move(experiment)) {}

  /// Where a file of the project is (find_project_file).
  const std::string& found(const std::string& path);
  /// Whether it is a folder there.
  bool is_folder(const std::string& path);

  /// Throws PlanError if a file that these options name is not there.
  void check(const GenerationOptions& options);

 private:
  void expect(const std::string& path, const std::string& what, bool folder_will_do);
  void expect_checkpoint(const std::string& path);

  std::string experiment_;
  std::map<std::string, std::string> found_;
  std::map<std::string, bool> folders_;
  std::set<std::pair<std::string, std::string>> seen_;  ///< what was expected, and where
};

}  // namespace ldm::experiments
