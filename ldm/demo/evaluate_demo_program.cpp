#include "ldm/demo/evaluate_demo_program.h"

#include <filesystem>
#include <iostream>
#include <limits>
#include <sstream>

#include "ldm/checkpoint/mapping_guard.h"
#include "ldm/cli/command_line.h"
#include "ldm/cli/exit_status.h"
#include "ldm/cli/open_device.h"
#include "ldm/demo/evaluation.h"
#include "ldm/demo/evaluation_report.h"
#include "ldm/files/error.h"
#include "ldm/files/output_file.h"
#include "ldm/host_memory.h"
#include "ldm/models/diffusion/sampler.h"
#include "ldm/pipelines/generation_options.h"
#include "ldm/pipelines/load_model.h"
#include "ldm/pipelines/project_files.h"

namespace ldm::demo {
namespace {

constexpr const char* kSummary =
    "Measures how often the demo model paints what was asked: background colour and object, on\n"
    "combinations that it never saw and on those that it did, with averaged (EMA) and plain weights.\n"
    "  evaluate_demo --samples 100 --scales 5";
constexpr const char* kEnding =
    "Objects are recognised by their nearest neighbour among all objects on the picture's own background,\n"
    "by RGB values averaged over 2x2 pixels.\n"
    "\n"
    "Exit status: 0 done; 1 some other failure; 2 wrong options; 3 a file that is missing, damaged or does\n"
    "not fit; 4 --json is in use or cannot be written; 5 out of memory; 6 not supported here; 7 NaN.\n";

struct Options {
  std::string config = "configs/demo/demo-inference.yaml";
  std::string ckpt = "models/ldm/demo/model.ckpt";
  std::string objects = "configs/demo/objects.txt";
  std::string font = EmojiFont::kDefaultPath;
  std::string scales = "1,3,5,7.5", strengths = "0.04,0.1,0.2,0.4,0.7,1";
  std::string json, device = "auto", precision = "full";
  std::int64_t seed = 42;
  EvaluationOptions evaluation;
  bool help = false;
};

/// "1,3,7.5" with each number from `least` to `most`.
std::vector<double> read_numbers(const std::string& option, const std::string& text, double least,
                                 double most) {
  std::vector<double> numbers;
  std::istringstream parts(text);
  for (std::string part; std::getline(parts, part, ',');) {
    std::istringstream stream(part);
    double number = 0;
    stream >> number;
    if (stream.fail() || !stream.eof() || !(number >= least && number <= most)) {
      std::ostringstream message;
      message << "--" << option << ": expected numbers from " << least << " to " << most
              << " with commas between, got '" << text << "'";
      throw OptionError(message.str());
    }
    numbers.push_back(number);
  }
  return numbers;
}

cli::CommandLine command_line(Options& o) {
  EvaluationOptions& e = o.evaluation;
  return cli::CommandLine(
      "evaluate_demo", kSummary,
      {{"Options",
        {cli::integer("samples", e.samples, {1, 100'000},
                      "pictures for each row of the table; of img2img at most 200"),
         cli::text("scales", "LIST", o.scales, "guidance scales of held-out single objects"),
         cli::real("scale", e.main_scale, {0, 100}, "guidance scale of trained ones, pairs and img2img"),
         cli::text("strengths", "LIST", o.strengths, "img2img's strengths; empty for no img2img"),
         cli::choice("sampler", e.paint.sampler, sampler_names(), "sampler of txt2img; img2img has DDIM"),
         cli::integer("ddim_steps", e.paint.steps, {1, 1000}, "sampling steps"),
         cli::integer("seed", o.seed, {0, std::numeric_limits<std::uint32_t>::max()},
                      "of the first picture of a row"),
         cli::integer("batch", e.paint.batch_size, {1, 4096}, "pictures painted together"),
         cli::choice("precision", o.precision, {"full", "half", "bf16", "autocast"}, "what is computed in"),
         cli::text("device", "NAME", o.device, "auto, cpu, cuda or cuda:N"),
         cli::text("json", "FILE", o.json, "write the figures here, too; must not exist"),
         cli::text("config", "YAML", o.config, "config of the model"),
         cli::text("ckpt", "FILE", o.ckpt, "its weights, averaged and plain"),
         cli::text("objects", "FILE", o.objects, "list of objects that it was trained on"),
         cli::text("font", "FILE", o.font, "Noto Color Emoji"), cli::flag("help", o.help, "this text")}}});
}

void finish(const cli::CommandLine& line, Options& o) {
  if (!line.overrides().empty()) {
    throw OptionError("expected no override of a config, got '" + line.overrides().front() + "'");
  }
  o.evaluation.scales = read_numbers("scales", o.scales, 0, 100);
  if (o.evaluation.scales.empty())
    throw OptionError("--scales: expected numbers with commas between, got none");
  o.evaluation.strengths = read_numbers("strengths", o.strengths, 0, 1);
  o.evaluation.paint.seed = static_cast<std::uint64_t>(o.seed);
  o.evaluation.paint.precision = parse_precision(o.precision);
}

/// A file that cannot be written shows before anything takes time.
void check_free(const std::string& path) {
  if (path.empty()) return;
  const std::filesystem::path parent = std::filesystem::path(path).parent_path();
  files::check_writable(parent.empty() ? "." : parent.string());
  std::error_code ignored;
  if (std::filesystem::exists(std::filesystem::symlink_status(path, ignored))) {
    throw files::WriteError("--json: expected a new name, got '" + path + "', which is in use");
  }
}

void evaluate(const Options& o) {
  const c10::Device device = cli::open_device(o.device).device;
  const config::Config config = config::Config::from_file(find_project_file(o.config));
  const std::string ckpt = find_project_file(o.ckpt);
  const auto load = [&](bool ema) {
    LoadOptions options;
    options.ema = ema ? EmaChoice::on : EmaChoice::off;
    options.device = device;
    options.precision = o.evaluation.paint.precision;
    return load_model(config, ckpt, options).model;
  };
  check_free(o.json);
  load(true);  // weights that do not fit show before anything takes time
  const std::vector<Object> objects = read_objects(find_project_file(o.objects));
  const Sprites sprites(EmojiFont(o.font), objects);
  const Evaluation evaluation = evaluate(load, objects, sprites, o.evaluation,
                                         [](const std::string& text) { std::cerr << text << std::endl; });
  std::cout << text_report(evaluation) << std::flush;
  if (!o.json.empty()) files::write_new_file(o.json, json_report(evaluation));
}

}  // namespace

int evaluate_demo_program(const std::vector<std::string>& arguments) {
  checkpoint::install_mapping_guard();
  keep_freed_memory();
  return cli::guarded("evaluate_demo", [&] {
    Options options;
    cli::CommandLine line = command_line(options);
    const std::string help = line.help(kEnding);
    line.parse(arguments);
    if (options.help) {
      std::cout << help;
      return cli::ExitStatus::success;
    }
    finish(line, options);
    evaluate(options);
    return cli::ExitStatus::success;
  });
}

}  // namespace ldm::demo
