#include "ldm/experiments/plan.h"

#include <algorithm>
#include <filesystem>
#include <map>
#include <set>

#include "ldm/cli/generation_command_line.h"
#include "ldm/experiments/option_names.h"
#include "ldm/files/error.h"
#include "ldm/pipelines/project_files.h"

namespace ldm::experiments {
namespace {

/// Throws if the product of all lists is too large, naming its factors.
void check_count(const Experiment& experiment) {
  std::vector<std::pair<std::string, std::size_t>> factors{{"models", experiment.models.size()}};
  for (const AxisGroup& group : experiment.axes)
    factors.emplace_back(group.names.front(), group.points.size());
  factors.emplace_back("prompts", experiment.prompts.size());
  factors.emplace_back("seeds", experiment.seeds.size());
  double count = 1;
  std::string text;
  for (const auto& [name, size] : factors) {
    count *= static_cast<double>(size);
    text += (text.empty() ? "" : " x ") + std::to_string(size) + " " + name;
  }
  if (count <= static_cast<double>(kMostCells)) return;
  throw PlanError(experiment.path + ": expected at most " + std::to_string(kMostCells) + " cells, got " +
                  text);
}

/// A cell before it is known what its options come to.
struct Draft {
  std::size_t model = 0, prompt = 0, seed = 0;
  std::vector<std::string> axes;
  std::vector<Setting> settings;
};

/// Makes the cells of an experiment.
class Planner {
 public:
  Planner(const Experiment& experiment, const PlanTarget& target)
      : experiment_(experiment),
        target_(target),
        defaults_(default_options(experiment.kind)),
        options_(defaults_),
        line_(cli::generation_command_line(options_, program_)) {
    for (const AxisGroup& group : experiment.axes) {
      axes_.insert(axes_.end(), group.names.begin(), group.names.end());
    }
  }

  const std::vector<std::string>& axes() const { return axes_; }

  /// All that the filters leave, those that one loaded model paints next to each other.
  std::vector<Draft> drafts() const {
    std::vector<Draft> all;
    for (std::size_t model = 0; model < experiment_.models.size(); ++model) add_group(model, {}, 0, all);
    std::map<std::string, std::size_t> order;  // models by their first cell
    std::vector<std::pair<std::size_t, Draft>> ordered;
    for (Draft& draft : all) {
      const std::size_t place = order.emplace(model_text(draft), order.size()).first->second;
      ordered.emplace_back(place, std::move(draft));
    }
    std::stable_sort(ordered.begin(), ordered.end(),
                     [](const auto& a, const auto& b) { return a.first < b.first; });
    all.clear();
    for (auto& [place, draft] : ordered) all.push_back(std::move(draft));
    return all;
  }

  Cell cell_of(const Draft& draft) {
    Cell cell;
    cell.model = draft.model;
    cell.prompt = draft.prompt;
    cell.seed = experiment_.seeds[draft.seed];
    cell.axes = draft.axes;
    cell.arguments = arguments_of(draft, cell.seed);
    cell.options = parsed(cell.arguments);
    check_files(cell.options);
    return cell;
  }

 private:
  /// Adds the cells of a model from the axes' group `next` on.
  void add_group(std::size_t model, std::vector<std::string> values, std::size_t next,
                 std::vector<Draft>& to) const {
    if (next < experiment_.axes.size()) {
      for (const std::vector<std::string>& point : experiment_.axes[next].points) {
        std::vector<std::string> longer = values;
        longer.insert(longer.end(), point.begin(), point.end());
        add_group(model, std::move(longer), next + 1, to);
      }
      return;
    }
    Draft draft;
    draft.model = model;
    draft.axes = std::move(values);
    draft.settings = settings_of(draft);
    for (draft.prompt = 0; draft.prompt < experiment_.prompts.size(); ++draft.prompt) {
      for (draft.seed = 0; draft.seed < experiment_.seeds.size(); ++draft.seed) {
        if (stays(draft)) to.push_back(draft);
      }
    }
  }

  std::vector<Setting> settings_of(const Draft& draft) const {
    std::vector<Setting> settings = experiment_.settings;
    for (const Setting& setting : experiment_.models[draft.model].settings) put(settings, setting);
    for (std::size_t i = 0; i < axes_.size(); ++i) put(settings, {axes_[i], draft.axes[i]});
    return settings;
  }

  std::string coordinate(const Draft& draft, const std::string& name) const {
    if (name == "model") return experiment_.models[draft.model].name;
    if (name == "prompt") return experiment_.prompts[draft.prompt].text;
    if (name == "seed") return std::to_string(experiment_.seeds[draft.seed]);
    const auto axis = std::find(axes_.begin(), axes_.end(), name);
    return draft.axes[static_cast<std::size_t>(axis - axes_.begin())];
  }

  bool stays(const Draft& draft) const {
    return std::all_of(experiment_.filters.begin(), experiment_.filters.end(), [&](const Filter& filter) {
      const bool matches = std::all_of(filter.values.begin(), filter.values.end(), [&](const auto& allowed) {
        const std::string value = coordinate(draft, allowed.first);
        return std::find(allowed.second.begin(), allowed.second.end(), value) != allowed.second.end();
      });
      return matches == filter.only;
    });
  }

  /// What decides which model a cell needs.
  static std::string model_text(const Draft& draft) {
    std::string text;
    for (const Setting& setting : draft.settings) {
      if (is_model_option(setting.name)) text += setting.name + "=" + setting.value + '\n';
    }
    return text;
  }

  std::vector<std::string> arguments_of(const Draft& draft, std::int64_t seed) const {
    const Prompt& prompt = experiment_.prompts[draft.prompt];
    std::vector<Setting> settings{{"prompt", prompt.text}};
    if (!prompt.negative.empty()) settings.push_back({"negative-prompt", prompt.negative});
    for (const Setting& setting : draft.settings) put(settings, setting);
    complete(settings);
    put(settings, {"seed", std::to_string(seed)});
    std::vector<std::string> arguments, overrides;
    for (const Setting& setting : settings) {
      const std::string argument = argument_of(setting);
      if (argument.empty()) continue;
      (setting.name.find('.') == std::string::npos ? arguments : overrides).push_back(argument);
    }
    arguments.insert(arguments.end(), {"--n_samples=1", "--n_iter=1", "--skip_grid"});
    if (has_one_file(settings)) arguments.emplace_back("--model-hash");
    arguments.insert(arguments.end(), overrides.begin(), overrides.end());
    return arguments;
  }

  /// Says what the programs would else choose by themselves, so that they choose the same everywhere.
  void complete(std::vector<Setting>& settings) const {
    const auto value = [&](const std::string& name) {
      const auto found = std::find_if(settings.begin(), settings.end(),
                                      [&](const Setting& one) { return one.name == name; });
      return found == settings.end() ? std::string() : found->value;
    };
    if (value("config").empty()) put(settings, {"config", defaults_.model.config});
    if (value("ckpt").empty()) put(settings, {"ckpt", defaults_.model.ckpt});
    const std::string device = value("device");
    if (device.empty() || device == "auto") put(settings, {"device", target_.device});
    if (value("threads").empty() || value("threads") == "0") {
      put(settings, {"threads", std::to_string(target_.threads)});
    }
    const std::string picture = value("init-img");
    if (!picture.empty()) put(settings, {"init-img", find_project_file(picture)});
  }

  /// Whether the weights are a file, which has a hash, and no folder.
  static bool has_one_file(const std::vector<Setting>& settings) {
    return std::any_of(settings.begin(), settings.end(), [](const Setting& setting) {
      return setting.name == "ckpt" && !std::filesystem::is_directory(find_project_file(setting.value));
    });
  }

  GenerationOptions parsed(const std::vector<std::string>& arguments) {
    options_ = defaults_;
    program_ = {};
    cli::CommandLine line = line_;  // the table is made once; each copy remembers its own arguments
    try {
      line.parse(arguments);
      cli::finish_command_line(line, options_, program_);
    } catch (const OptionError& error) {
      throw PlanError(experiment_.path + ": " + error.what());
    }
    return options_;
  }

  void check_files(const GenerationOptions& options) {
    const ModelOptions& model = options.model;
    const auto check = [&](const std::string& path, const char* what) {
      if (path.empty() || !looked_at_.insert(path).second || std::filesystem::exists(path)) return;
      throw PlanError(experiment_.path + ": expected " + what + " at '" + path + "', found nothing there");
    };
    check(find_project_file(model.config), "a config");
    check(model.ema_ckpt, "averaged weights");
    check(options.init_img, "a picture to start from");
    if (!looked_at_.insert("ckpt " + model.ckpt).second) return;
    try {
      find_checkpoint(model.ckpt);
    } catch (const files::FileError& error) {
      throw PlanError(experiment_.path + ": " + error.what());
    }
  }

  const Experiment& experiment_;
  PlanTarget target_;
  GenerationOptions defaults_, options_;
  cli::ProgramOptions program_;
  cli::CommandLine line_;
  std::vector<std::string> axes_;
  std::set<std::string> looked_at_;
};

/// `limit` of them, evenly chosen.
std::vector<Draft> chosen(std::vector<Draft> drafts, std::int64_t limit) {
  const std::size_t all = drafts.size(), wanted = static_cast<std::size_t>(limit);
  if (limit == 0 || wanted >= all) return drafts;
  std::vector<Draft> some;
  for (std::size_t k = 0; k < wanted; ++k) some.push_back(std::move(drafts[k * all / wanted]));
  return some;
}

}  // namespace

Plan make_plan(Experiment experiment, const PlanTarget& target, std::int64_t limit) {
  check_count(experiment);
  Plan plan;
  plan.experiment = std::move(experiment);
  Planner planner(plan.experiment, target);
  plan.axes = planner.axes();
  const std::vector<Draft> drafts = chosen(planner.drafts(), limit);
  if (drafts.empty()) {
    throw PlanError(plan.experiment.path + ": expected cells, got none: the filters (" +
                    plan.experiment.filters.front().where + ") leave nothing");
  }
  for (const Draft& draft : drafts) plan.cells.push_back(planner.cell_of(draft));
  return plan;
}

}  // namespace ldm::experiments
