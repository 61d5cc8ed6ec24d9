#include "ldm/experiments/experiment.h"

#include <algorithm>
#include <filesystem>
#include <set>
#include <utility>

#include "ldm/config/params.h"
#include "ldm/config/yaml_writer.h"
#include "ldm/experiments/axis_reader.h"
#include "ldm/experiments/metric_names.h"
#include "ldm/experiments/model_reader.h"
#include "ldm/experiments/option_names.h"
#include "ldm/experiments/plan.h"
#include "ldm/experiments/setting_reader.h"
#include "ldm/files/error.h"
#include "ldm/pipelines/project_files.h"
#include "ldm/pipelines/prompts.h"

namespace ldm::experiments {
namespace {

using config::Node;

constexpr std::int64_t kLargestSeed = 4294967295;
constexpr std::int64_t kUsualSeed = 42;
constexpr std::int64_t kMostEmbeddedMb = 100'000;
constexpr std::size_t kLongestName = 100;
constexpr const char* kNegative = "negative-prompt";

void check_keys(const Node& root) {
  config::Params keys(root, "an experiment");
  keys.known({"name", "title", "program", "definitions", "model", "models", "prompts", "seeds", "settings",
              "axes", "filters", "metrics", "compare", "report"});
  keys.finish();
}

/// It also names the run's folder.
std::string name_of(const Node& root, const std::string& path) {
  const Node node = optional_node(root, "name");
  const std::string name = node.defined() ? node.as_written() : std::filesystem::path(path).stem().string();
  const bool is_plain =
      name.find_first_not_of("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_.") ==
      std::string::npos;
  if (is_plain && !name.empty() && name.size() <= kLongestName && name.front() != '.') return name;
  (node.defined() ? node : root)
      .fail(
          "expected a name of at most " + std::to_string(kLongestName) +
          " letters, digits, '-', '_' and '.', not a '.' in front, got '" + name +
          (node.defined() ? "'" : "' from the file's name; give the experiment a name under the key 'name'"));
}

GenerationKind kind_of(const Node& program) {
  if (!program.defined()) return GenerationKind::txt2img;
  const std::string name = program.as_written();
  if (name == "txt2img") return GenerationKind::txt2img;
  if (name == "img2img") return GenerationKind::img2img;
  program.fail("expected txt2img or img2img, got '" + name + "'");
}

/// The base model's settings, then the file's own.
std::vector<Setting> common_settings(GenerationKind kind, const Node& root, OptionPlaces& places) {
  std::vector<Setting> settings = read_base_model(kind, optional_node(root, "model"));
  const Node own = optional_node(root, "settings");
  for (const Setting& setting : settings_at(kind, own)) {
    claim_option(places, own, setting.name, "settings");
    put(settings, setting);
  }
  return settings;
}

std::string text_or_none(const Node& node) {
  return node.defined() ? node.as_written() : "";
}

std::vector<Prompt> prompts_of_file(const Node& node) {
  config::Params params(node, "a file of prompts");
  const Node file = params.node("file"), negative = params.optional_node("negative");
  params.finish();
  std::vector<Prompt> prompts;
  const auto read = [&] {
    for (const std::string& text : read_prompts(find_project_file(file.as_written()), "file")) {
      prompts.push_back({text, text_or_none(negative)});
    }
  };
  try {
    at_node(file, read);
  } catch (const files::FileError& error) {
    throw files::FileError(file.where() + ": " + error.what());
  }
  return prompts;
}

Prompt prompt_at(const Node& node) {
  if (!node.is_map()) return {node.as_written(), ""};
  config::Params params(node, "a prompt");
  const Node text = params.node("prompt"), negative = params.optional_node("negative");
  params.finish();
  return {text.as_written(), text_or_none(negative)};
}

std::vector<Prompt> prompts_at(const Node& node, OptionPlaces& places) {
  std::vector<Prompt> prompts;
  if (node.is_map() && node.has("file")) {
    prompts = prompts_of_file(node);
  } else {
    for (const Node& item : items_of(node)) prompts.push_back(prompt_at(item));
  }
  std::set<std::string> texts;
  for (const Prompt& prompt : prompts) {
    if (!texts.insert(prompt.text).second) {
      node.fail("expected each prompt once, got '" + prompt.text +
                "' a second time; several negative prompts for one can be an axis, 'negative'");
    }
    if (!prompt.negative.empty()) claim_option(places, node, kNegative, "prompts");
  }
  return prompts;
}

std::vector<std::int64_t> seeds_from(const Node& node) {
  config::Params params(node, "a range of seeds");
  const Node from = params.node("from"), count = params.node("count");
  params.finish();
  const std::int64_t first = integer_at(from, 0, kLargestSeed);
  const std::int64_t seeds = integer_at(count, 1, kMostCells);
  if (seeds - 1 > kLargestSeed - first) {
    count.fail("expected seeds up to " + std::to_string(kLargestSeed) + ", got " + std::to_string(seeds) +
               " from " + std::to_string(first) + " on");
  }
  std::vector<std::int64_t> all;
  for (std::int64_t k = 0; k < seeds; ++k) all.push_back(first + k);
  return all;
}

std::vector<std::int64_t> seeds_at(const Node& node) {
  if (!node.defined()) return {kUsualSeed};
  if (node.is_map()) return seeds_from(node);
  std::vector<std::int64_t> seeds;
  std::set<std::int64_t> seen;
  for (const Node& item : items_of(node)) {
    seeds.push_back(integer_at(item, 0, kLargestSeed));
    if (!seen.insert(seeds.back()).second) {
      item.fail("expected each seed once, got " + std::to_string(seeds.back()) + " a second time");
    }
  }
  return seeds;
}

bool is_of_pairs(const std::string& asked) {
  return std::any_of(metrics().begin(), metrics().end(), [&](const Metric& metric) {
    return metric.asked == asked && metric.scope == MetricScope::pair;
  });
}

std::vector<std::string> metrics_at(const Node& node, bool compares) {
  std::vector<std::string> names;
  if (!node.defined()) return compares ? std::vector<std::string>{"psnr", "ssim", "mad"} : names;
  for (const Node& item : node.items()) {
    const std::string name = item.as_written();
    at_node(item, [&] { check_metric(name); });
    if (is_of_pairs(name) && !compares) {
      item.fail("expected the key 'compare', which says what to compare with, beside the metric '" + name +
                "', got none");
    }
    if (std::find(names.begin(), names.end(), name) != names.end()) {
      item.fail("expected each metric once, got '" + name + "' a second time");
    }
    names.push_back(name);
  }
  return names;
}

ReportOptions report_at(const Node& node) {
  ReportOptions report;
  config::Params params(node, "the key 'report'");
  const Node side = params.optional_node("picture_side"), embed = params.optional_node("embed_mb");
  params.finish();
  if (side.defined()) report.picture_side = integer_at(side, 32, 1024);
  if (embed.defined()) report.embed_mb = integer_at(embed, 0, kMostEmbeddedMb);
  return report;
}

Experiment experiment_at(const Node& root, const std::string& path) {
  check_keys(root);
  Experiment experiment;
  experiment.path = path;
  experiment.name = name_of(root, path);
  const Node title = optional_node(root, "title");
  experiment.title = title.defined() ? line_at(title) : experiment.name;
  const GenerationKind kind = kind_of(optional_node(root, "program"));
  experiment.kind = kind;
  OptionPlaces places;
  experiment.settings = common_settings(kind, root, places);
  experiment.models = read_models(kind, optional_node(root, "models"), experiment.settings, places);
  experiment.prompts = prompts_at(root.at("prompts"), places);
  experiment.seeds = seeds_at(optional_node(root, "seeds"));
  experiment.axes = read_axes(kind, optional_node(root, "axes"), places);
  experiment.filters = read_filters(experiment, optional_node(root, "filters"));
  experiment.compare = read_comparison(experiment, optional_node(root, "compare"));
  experiment.metrics = metrics_at(optional_node(root, "metrics"), experiment.compare.has_value());
  experiment.report = report_at(optional_node(root, "report"));
  return experiment;
}

}  // namespace

bool Experiment::asks_for(const std::string& metric) const {
  return std::find(metrics.begin(), metrics.end(), metric) != metrics.end();
}

Experiment read_experiment(const std::string& path, const std::vector<std::string>& overrides) {
  config::Config file = config::Config::from_file(path);
  file.apply_overrides(overrides);
  Experiment experiment = experiment_at(file.root(), path);
  experiment.yaml = config::to_yaml(file.root());
  return experiment;
}

}  // namespace ldm::experiments
