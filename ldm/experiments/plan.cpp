#include "ldm/experiments/plan.h"

#include <algorithm>
#include <map>
#include <optional>
#include <stdexcept>
#include <utility>

#include "ldm/cli/generation_command_line.h"
#include "ldm/experiments/option_names.h"
#include "ldm/experiments/plan_files.h"
#include "ldm/experiments/setting_reader.h"
#include "ldm/files/text.h"

namespace ldm::experiments {
namespace {

constexpr double kExact = 1e15;  // up to where a double counts exactly

std::string joined(const std::vector<std::string>& words, const std::string& between) {
  std::string text;
  for (const std::string& word : words) text += (text.empty() ? "" : between) + word;
  return text;
}

/// Throws if the product of all lists is nothing or too large, naming its factors. Nothing is multiplied out
/// before.
void check_count(const Experiment& experiment) {
  std::vector<std::pair<std::string, std::size_t>> factors{{"models", experiment.models.size()}};
  for (const AxisGroup& group : experiment.axes) {
    factors.emplace_back(joined(group.names, "+"), group.points.size());
  }
  factors.emplace_back("prompts", experiment.prompts.size());
  factors.emplace_back("seeds", experiment.seeds.size());
  double count = 1;  // no integer holds every product
  std::vector<std::string> texts;
  for (const auto& [name, size] : factors) {
    count *= static_cast<double>(size);
    if (size != 1) texts.push_back(std::to_string(size) + " " + name);
  }
  if (count == 0) {
    throw PlanError(experiment.path +
                    ": expected at least one model, prompt, seed and value of each axis, got " +
                    joined(texts, " x "));
  }
  if (count <= static_cast<double>(kMostCells)) return;
  const std::string number =
      count < kExact ? std::to_string(static_cast<std::int64_t>(count)) : "more than 10^15";
  throw PlanError(experiment.path + ": expected at most " + std::to_string(kMostCells) + " cells, got " +
                  number + " before filters: " + joined(texts, " x "));
}

const Setting* find(const std::vector<Setting>& settings, const std::string& name) {
  const auto found =
      std::find_if(settings.begin(), settings.end(), [&](const Setting& one) { return one.name == name; });
  return found == settings.end() ? nullptr : &*found;
}

/// Puts a value where there is none, or only a word that leaves the choice to the program.
void fill(std::vector<Setting>& settings, const std::string& name, const std::string& open,
          const std::string& value) {
  const Setting* present = find(settings, name);
  if (present == nullptr || present->value.empty() || present->value == open) put(settings, {name, value});
}

/// Reads arguments as the program itself does. The table is made once.
class ArgumentReader {
 public:
  explicit ArgumentReader(GenerationKind kind)
      : defaults_(default_options(kind)),
        options_(defaults_),
        line_(cli::generation_command_line(options_, program_)) {}
  // The table is tied to variables of this object.
  ArgumentReader(const ArgumentReader&) = delete;
  ArgumentReader& operator=(const ArgumentReader&) = delete;

  /// Of a whole cell. Throws OptionError, NotSupported.
  const GenerationOptions& read(const std::vector<std::string>& arguments) {
    cli::finish_command_line(parsed(arguments), options_, program_);
    return options_;
  }
  /// Of some of a cell's arguments, which need not be complete. Throws OptionError.
  const ModelOptions& read_model(const std::vector<std::string>& arguments) {
    options_.model.overrides = parsed(arguments).overrides();
    return options_.model;
  }
  const GenerationOptions& defaults() const { return defaults_; }

 private:
  cli::CommandLine parsed(const std::vector<std::string>& arguments) {
    options_ = defaults_;
    program_ = {};
    cli::CommandLine line = line_;  // each copy remembers its own arguments
    line.parse(arguments);
    return line;
  }

  GenerationOptions defaults_, options_;
  cli::ProgramOptions program_;
  cli::CommandLine line_;
};

/// A model with a value of each axis: a cell but for its prompt and its seed.
struct Combination {
  std::size_t model = 0;
  std::vector<std::string> axes;
  std::vector<Setting> settings;  ///< the experiment's own, then what it leaves to the program
  std::size_t own = 0;            ///< how many are the experiment's own
  std::size_t load = 0;           ///< number of the model that must be loaded
};

/// A cell before it is known what its options come to: indices.
struct Draft {
  std::size_t combination = 0, prompt = 0, seed = 0;
};

/// Makes the cells of an experiment.
class Planner {
 public:
  Planner(const Experiment& experiment, const PlanTarget& target)
      : experiment_(experiment), target_(target), files_(experiment.path), reader_(experiment.kind) {
    for (const AxisGroup& group : experiment.axes) {
      axes_.insert(axes_.end(), group.names.begin(), group.names.end());
    }
    combine();
  }

  const std::vector<std::string>& axes() const { return axes_; }

  /// All that the filters leave, in order.
  std::vector<Draft> drafts() const {
    std::vector<Draft> left;
    for (Draft draft; draft.combination < combinations_.size(); ++draft.combination) {
      for (draft.prompt = 0; draft.prompt < experiment_.prompts.size(); ++draft.prompt) {
        for (draft.seed = 0; draft.seed < experiment_.seeds.size(); ++draft.seed) {
          if (stays(draft)) left.push_back(draft);
        }
      }
    }
    return left;
  }

  Cell cell_of(const Draft& draft) {
    if (!latest_ || latest_->combination != draft.combination || latest_->prompt != draft.prompt) {
      latest_cell_ = cell_with_options(draft);
      latest_ = draft;
    }
    // Another seed changes one argument and one number, which spares reading all arguments again.
    Cell cell = latest_cell_;
    cell.seed = cell.options.seed = experiment_.seeds[draft.seed];
    cell.arguments[seed_argument_] = "--seed=" + std::to_string(cell.seed);
    return cell;
  }

 private:
  /// The values of all axes together, those of the last axis in turn first.
  std::vector<std::vector<std::string>> axis_values() const {
    std::vector<std::vector<std::string>> all(1);
    for (const AxisGroup& group : experiment_.axes) {
      std::vector<std::vector<std::string>> longer;
      for (const std::vector<std::string>& values : all) {
        for (const std::vector<std::string>& point : group.points) {
          longer.push_back(values);
          longer.back().insert(longer.back().end(), point.begin(), point.end());
        }
      }
      all = std::move(longer);
    }
    return all;
  }

  /// Multiplies models and axes out; those that one loaded model paints come next to each other.
  void combine() {
    const std::vector<std::vector<std::string>> all = axis_values();
    for (std::size_t model = 0; model < experiment_.models.size(); ++model) {
      for (const std::vector<std::string>& values : all) {
        combinations_.push_back(combination_of(model, values));
      }
    }
    std::stable_sort(combinations_.begin(), combinations_.end(),
                     [](const Combination& a, const Combination& b) { return a.load < b.load; });
  }

  Combination combination_of(std::size_t model, const std::vector<std::string>& values) {
    Combination made;
    made.model = model;
    made.axes = values;
    for (const Setting& setting : experiment_.settings) put(made.settings, setting);
    for (const Setting& setting : experiment_.models[model].settings) put(made.settings, setting);
    for (std::size_t i = 0; i < axes_.size(); ++i) put(made.settings, {axes_[i], values[i]});
    made.own = made.settings.size();
    complete(made.settings);
    made.load = load_of(made.settings);
    return made;
  }

  /// Says what the program would else choose by itself, so that it chooses the same everywhere.
  void complete(std::vector<Setting>& settings) {
    const ModelOptions& model = reader_.defaults().model;
    fill(settings, "config", "", model.config);
    fill(settings, "ckpt", "", model.ckpt);
    fill(settings, "threads", "0", std::to_string(target_.threads));
    fill(settings, "device", "auto", target_.device);
    const Setting* picture = find(settings, "init-img");
    if (picture != nullptr && !picture->value.empty()) {
      put(settings, {"init-img", files_.found(picture->value)});
    }
  }

  /// The number of the model that these settings load, however they are spelled.
  std::size_t load_of(const std::vector<Setting>& settings) {
    std::vector<std::string> arguments;
    for (const Setting& setting : settings) {
      if (is_model_option(setting.name)) arguments.push_back(argument_of(setting));
    }
    const auto known = loads_of_arguments_.find(arguments);
    if (known != loads_of_arguments_.end()) return known->second;
    try {
      const std::size_t load =
          loads_.emplace(loaded_model(reader_.read_model(arguments)), loads_.size()).first->second;
      loads_of_arguments_.emplace(std::move(arguments), load);
      return load;
    } catch (const OptionError& error) {
      throw PlanError(experiment_.path + ": " + error.what());
    }
  }

  std::string coordinate(const Draft& draft, const std::string& name) const {
    const Combination& combination = combinations_[draft.combination];
    if (name == "model") return experiment_.models[combination.model].name;
    if (name == "prompt") return experiment_.prompts[draft.prompt].text;
    if (name == "seed") return std::to_string(experiment_.seeds[draft.seed]);
    const auto axis = std::find(axes_.begin(), axes_.end(), name);
    if (axis == axes_.end()) {
      throw std::invalid_argument("expected an axis of the experiment, got '" + name + "'");
    }
    return combination.axes[static_cast<std::size_t>(axis - axes_.begin())];
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

  Cell cell_with_options(const Draft& draft) {
    const Combination& combination = combinations_[draft.combination];
    Cell cell;
    cell.model = combination.model;
    cell.prompt = draft.prompt;
    cell.axes = combination.axes;
    cell.arguments = arguments_of(draft);
    try {
      cell.options = reader_.read(cell.arguments);
    } catch (const OptionError& error) {
      throw PlanError(experiment_.path + ": " + name_of(draft) + ": " + error.what());
    }
    files_.check(cell.options);
    return cell;
  }

  /// Where the seed stands among them is kept in seed_argument_.
  std::vector<std::string> arguments_of(const Draft& draft) {
    const Combination& combination = combinations_[draft.combination];
    const Prompt& prompt = experiment_.prompts[draft.prompt];
    const auto rest = combination.settings.begin() + static_cast<std::ptrdiff_t>(combination.own);
    std::vector<Setting> own{{"prompt", prompt.text}};
    if (!prompt.negative.empty()) own.push_back({"negative-prompt", prompt.negative});
    std::for_each(combination.settings.begin(), rest, [&](const Setting& setting) { put(own, setting); });
    std::vector<std::string> arguments, overrides;
    const auto add = [&](const Setting& setting) {
      const std::string argument = argument_of(setting);
      if (argument.empty()) return;  // a switch that is off
      (setting.name.find('.') == std::string::npos ? arguments : overrides).push_back(argument);
    };
    std::for_each(own.begin(), own.end(), add);
    seed_argument_ = arguments.size();
    arguments.push_back("--seed=" + std::to_string(experiment_.seeds[draft.seed]));
    arguments.insert(arguments.end(), {"--n_samples=1", "--n_iter=1", "--skip_grid"});
    // Weights in a folder of several files have no hash of their own.
    if (!files_.is_folder(find(combination.settings, "ckpt")->value)) arguments.emplace_back("--model-hash");
    std::for_each(rest, combination.settings.end(), add);
    arguments.insert(arguments.end(), overrides.begin(), overrides.end());
    return arguments;
  }

  /// "model 'm', scale '3', prompt 'a fox', seed '1'".
  std::string name_of(const Draft& draft) const {
    std::vector<std::string> names{"model"}, texts;
    names.insert(names.end(), axes_.begin(), axes_.end());
    names.insert(names.end(), {"prompt", "seed"});
    for (const std::string& name : names) {
      texts.push_back(name + " '" + files::printable(coordinate(draft, name)) + "'");
    }
    return joined(texts, ", ");
  }

  const Experiment& experiment_;
  PlanTarget target_;
  PlanFiles files_;
  ArgumentReader reader_;
  std::vector<std::string> axes_;
  std::vector<Combination> combinations_;
  std::map<std::vector<std::string>, std::size_t> loads_, loads_of_arguments_;
  std::optional<Draft> latest_;
  Cell latest_cell_;
  std::size_t seed_argument_ = 0;
};

/// `limit` of them, evenly chosen.
std::vector<Draft> chosen(const std::vector<Draft>& drafts, std::int64_t limit) {
  const std::size_t all = drafts.size(), wanted = static_cast<std::size_t>(limit);
  if (limit <= 0 || wanted >= all) return drafts;
  std::vector<Draft> some;
  for (std::size_t k = 0; k < wanted; ++k) some.push_back(drafts[k * all / wanted]);
  return some;
}

[[noreturn]] void refuse_nothing(const Experiment& experiment) {
  std::vector<std::string> places;
  for (const Filter& filter : experiment.filters) places.push_back(filter.where);
  throw PlanError(experiment.path + ": expected cells, got none: the filters (" + listed(places) +
                  ") leave nothing");
}

}  // namespace

std::vector<std::string> loaded_model(const ModelOptions& o) {
  std::vector<std::string> texts{o.config, o.ckpt,   o.ema,       o.ema_ckpt,
                                 o.mmap,   o.device, o.precision, std::to_string(o.threads)};
  texts.insert(texts.end(), o.overrides.begin(), o.overrides.end());
  return texts;
}

Plan make_plan(Experiment experiment, const PlanTarget& target, std::int64_t limit) {
  check_count(experiment);
  Plan plan;
  plan.experiment = std::move(experiment);
  Planner planner(plan.experiment, target);
  plan.axes = planner.axes();
  const std::vector<Draft> drafts = chosen(planner.drafts(), limit);
  if (drafts.empty()) refuse_nothing(plan.experiment);
  plan.cells.reserve(drafts.size());
  for (const Draft& draft : drafts) plan.cells.push_back(planner.cell_of(draft));
  return plan;
}

}  // namespace ldm::experiments
