#include "ldm/cli/train_command_line.h"

#include <algorithm>
#include <limits>
#include <map>
#include <optional>
#include <utility>

#include "ldm/cli/command_line.h"
#include "ldm/pipelines/generation_options.h"
#include "ldm/training/trainer_options.h"

namespace ldm::cli {
namespace {

constexpr const char* kSummary =
    "Trains an autoencoder or a diffusion model as the reference's main.py does:\n"
    "  train --base CONFIG... --train [a.b=c ...]       a new run in LOGDIR/<date>_<name>\n"
    "  train --resume LOGDIR/RUN --train                goes on where a run was stopped or killed";
constexpr const char* kEnding =
    "Short names as in the reference: -b -t -r -n -l -s -f -p -d. Options of Lightning's Trainer are taken "
    "too\n"
    "(--max_steps 1000 --gpus 0, --precision bf16 ...), and a.b=c overrides a value of the configs.\n"
    "\n"
    "Ctrl-C or SIGTERM: save last.ckpt after the step that is under way, and stop. SIGUSR1: save it and go "
    "on.\n"
    "\n"
    "Exit status: 0 done; 1 some other failure; 2 wrong options; 3 a file that is missing, damaged or does "
    "not\n"
    "fit; 4 the run's folder cannot be written or is full; 5 out of memory; 6 not supported here; 7 NaN or\n"
    "infinity; 130 stopped by a signal.\n";

const std::map<std::string, std::string> kShortNames{
    {"-b", "--base"}, {"-t", "--train"},   {"-r", "--resume"},  {"-n", "--name"}, {"-l", "--logdir"},
    {"-s", "--seed"}, {"-f", "--postfix"}, {"-p", "--project"}, {"-d", "--debug"}};

std::string lower(std::string text) {
  std::transform(text.begin(), text.end(), text.begin(), [](unsigned char c) { return std::tolower(c); });
  return text;
}

/// argparse's str2bool in the reference.
std::optional<bool> as_bool(const std::string& text) {
  const std::string word = lower(text);
  for (const char* yes : {"yes", "true", "t", "y", "1"}) {
    if (word == yes) return true;
  }
  for (const char* no : {"no", "false", "f", "n", "0"}) {
    if (word == no) return false;
  }
  return std::nullopt;
}

std::string with_underscores(std::string name) {
  std::replace(name.begin(), name.end(), '-', '_');
  return name;
}

bool is_trainer_option(const std::string& name) {
  const auto& names = training::trainer_option_names();
  return std::find(names.begin(), names.end(), name) != names.end();
}

/// Options that a plain value cannot describe. `base` and `rest` have the others' results.
class Arguments {
 public:
  Arguments(const std::vector<std::string>& arguments, TrainOptions& options)
      : arguments_(arguments), options_(options) {}

  /// Takes what it understands and gives the rest, spelled with long names.
  std::vector<std::string> take() {
    for (at_ = 0; at_ < arguments_.size(); ++at_) take_one();
    return std::move(rest_);
  }

 private:
  void take_one() {
    std::string argument = arguments_[at_];
    const auto short_name = kShortNames.find(argument);
    if (short_name != kShortNames.end()) argument = short_name->second;
    const std::size_t equals = argument.find('=');
    const std::string written = argument.substr(0, equals);
    std::optional<std::string> value;
    if (equals != std::string::npos) value = argument.substr(equals + 1);
    const std::string name = written.rfind("--", 0) == 0 ? with_underscores(written.substr(2)) : "";
    bool* const flag = flag_of(name);
    if (name == "base") {
      take_base(value);
    } else if (flag != nullptr) {
      take_flag(*flag, name, value);
    } else if (!name.empty() && is_trainer_option(name)) {
      options_.overrides.push_back("lightning.trainer." + name + "=" + required(name, value));
    } else {
      rest_.push_back(argument);
    }
  }

  bool* flag_of(const std::string& name) {
    if (name == "train") return &options_.train;
    if (name == "no_test") return &options_.no_test;
    if (name == "debug") return &options_.debug;
    return name == "scale_lr" ? &options_.scale_lr : nullptr;
  }

  bool has_next() const { return at_ + 1 < arguments_.size(); }
  /// Neither an option nor an override.
  bool next_is_value() const {
    return has_next() && arguments_[at_ + 1].rfind('-', 0) != 0 &&
           arguments_[at_ + 1].find('=') == std::string::npos;
  }

  void take_base(const std::optional<std::string>& value) {
    const std::size_t before = options_.base.size();
    if (value) options_.base.push_back(*value);
    while (next_is_value()) options_.base.push_back(arguments_[++at_]);
    if (options_.base.size() == before) throw OptionError("--base: expected the paths of configs, got none");
  }

  void take_flag(bool& flag, const std::string& name, std::optional<std::string> value) {
    if (!value && next_is_value() && as_bool(arguments_[at_ + 1])) value = arguments_[++at_];
    const auto truth = as_bool(value.value_or("true"));
    if (!truth) throw OptionError("--" + name + ": expected true or false, got '" + *value + "'");
    flag = *truth;
  }

  std::string required(const std::string& name, const std::optional<std::string>& value) {
    if (value) return *value;
    if (!has_next()) throw OptionError("--" + name + ": expected a value, got none");
    return arguments_[++at_];
  }

  const std::vector<std::string>& arguments_;
  TrainOptions& options_;
  std::size_t at_ = 0;
  std::vector<std::string> rest_;
};

CommandLine command_line(TrainOptions& o) {
  Option base{"base", "YAML...", "", "configs, merged from left to right; overrides follow", {}};
  const auto boolean = [](const char* name, const char* initial, const char* help) {
    return Option{name, "[true|false]", initial, help, {}};
  };
  return CommandLine(
      "train", kSummary,
      {{"Options",
        {std::move(base), boolean("train", "false", "train (without it only the test data is evaluated)"),
         text("resume", "PATH", o.resume, "a run's folder, or a checkpoint in its folder 'checkpoints'"),
         text("name", "NAME", o.name, "name of the run; default: that of the first config"),
         text("postfix", "TEXT", o.postfix, "added to the name"),
         text("logdir", "DIR", o.logdir, "where runs lie"),
         integer("seed", o.seed, {0, std::numeric_limits<std::uint32_t>::max()},
                 "of weights, order of the data, and noise"),
         boolean("scale_lr", "true",
                 "multiply base_learning_rate by accumulate_grad_batches, batch size, GPUs"),
         boolean("no-test", "false", "do not evaluate the test data afterwards"),
         boolean("debug", "false",
                 "the run goes to LOGDIR/debug_runs; NaN in a backward pass is traced to its operation"),
         text("project", "NAME", o.project, "accepted as in the reference, where it changes nothing"),
         flag("help", o.help, "this text")}}});
}

}  // namespace

TrainOptions parse_train_arguments(const std::vector<std::string>& arguments) {
  TrainOptions options;
  const std::vector<std::string> rest = Arguments(arguments, options).take();
  CommandLine line = command_line(options);
  line.parse(rest);
  options.overrides.insert(options.overrides.end(), line.overrides().begin(), line.overrides().end());
  if (options.help) return options;
  if (!options.name.empty() && !options.resume.empty()) {
    throw OptionError(
        "--name: expected no --resume beside it (a resumed run keeps its folder), got both; to begin a new "
        "run "
        "from a checkpoint's weights use --finetune_from");
  }
  if (options.base.empty() && options.resume.empty()) {
    throw OptionError("--base: expected the paths of configs, or --resume with a run, got neither");
  }
  return options;
}

std::string train_help() {
  TrainOptions defaults;
  return command_line(defaults).help(kEnding);
}

}  // namespace ldm::cli
