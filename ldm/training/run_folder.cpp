#include "ldm/training/run_folder.h"

#include <algorithm>
#include <ctime>
#include <filesystem>
#include <sstream>

#include "ldm/config/yaml_writer.h"
#include "ldm/files/error.h"
#include "ldm/files/output_file.h"
#include "ldm/files/output_folder.h"

namespace ldm::training {
namespace {

namespace fs = std::filesystem;

std::vector<std::string> yaml_files(const fs::path& folder) {
  std::vector<std::string> paths;
  std::error_code error;
  for (fs::directory_iterator entry(folder, error), end; !error && entry != end; entry.increment(error)) {
    if (entry->path().extension() == ".yaml") paths.push_back(entry->path().string());
  }
  std::sort(paths.begin(), paths.end());
  return paths;
}

std::string indented(const std::string& text) {
  std::string result;
  std::istringstream lines(text);
  for (std::string line; std::getline(lines, line);) result += (line.empty() ? "" : "  ") + line + '\n';
  return result;
}

/// `lightning`, or all the rest of a config, as YAML.
std::string part_text(const config::Node& root, bool lightning) {
  std::string text;
  for (const std::string& key : root.keys()) {
    if ((key == "lightning") != lightning) continue;
    const config::Node value = root.at(key);
    const bool nested = value.is_map() || value.is_list();
    text += key + ':' + (nested ? '\n' + indented(config::to_yaml(value)) : ' ' + config::to_yaml(value));
  }
  return text;
}

}  // namespace

std::string time_stamp() {
  const std::time_t now = std::time(nullptr);
  std::tm local{};
  localtime_r(&now, &local);
  char text[32];
  std::strftime(text, sizeof text, "%Y-%m-%dT%H-%M-%S", &local);
  return text;
}

RunFolder new_run(const std::string& logdir, const std::string& name, const std::string& postfix,
                  const std::vector<std::string>& base, bool debug, const std::string& stamp) {
  std::string ending;
  if (!name.empty()) {
    ending = "_" + name;
  } else if (!base.empty()) {
    ending = "_" + fs::path(base.front()).stem().string();
  }
  RunFolder run;
  run.path = (fs::path(logdir) / (debug ? "debug_runs" : "") / (stamp + ending + postfix)).string();
  return run;
}

RunFolder resumed_run(const std::string& resume) {
  RunFolder run;
  fs::path folder(resume);
  if (!folder.has_filename()) folder = folder.parent_path();
  if (fs::is_directory(folder)) {
    run.path = folder.string();
    run.resume_from = run.last_checkpoint();
  } else {
    run.resume_from = resume;
    run.path = fs::absolute(folder).parent_path().parent_path().string();
  }
  if (!fs::is_regular_file(run.resume_from)) {
    throw files::FileError(
        "'" + run.resume_from +
        "': expected a checkpoint to resume from (--resume takes a run's folder or a file in "
        "its folder 'checkpoints'), found none");
  }
  run.configs = yaml_files(fs::path(run.path) / "configs");
  return run;
}

void write_run_configs(const RunFolder& run, const config::Config& config, const std::string& stamp) {
  for (const char* name : {"checkpoints", "configs", "images"})
    files::create_output_folder(run.path + "/" + name);
  const std::string begin = run.path + "/configs/" + stamp;
  for (const bool lightning : {false, true}) {
    const std::string text = part_text(config.root(), lightning);
    if (text.empty()) continue;
    files::replace_file(begin + (lightning ? "-lightning.yaml" : "-project.yaml"), text);
  }
}

}  // namespace ldm::training
