#include "ldm/experiments/experiment_program.h"

#include <ATen/Parallel.h>

#include <algorithm>
#include <cstdio>
#include <iostream>
#include <sstream>

#include "ldm/checkpoint/mapping_guard.h"
#include "ldm/cli/command_line.h"
#include "ldm/cli/exit_status.h"
#include "ldm/cli/interrupts.h"
#include "ldm/cli/open_device.h"
#include "ldm/closest_name.h"
#include "ldm/data/png.h"
#include "ldm/experiments/ema_weights.h"
#include "ldm/experiments/estimate.h"
#include "ldm/experiments/report.h"
#include "ldm/experiments/run_comparison.h"
#include "ldm/experiments/runner.h"
#include "ldm/experiments/setting_reader.h"
#include "ldm/files/output_folder.h"
#include "ldm/host_memory.h"
#include "ldm/pipelines/project_files.h"

namespace ldm::experiments {
namespace {

constexpr const char* kSummary =
    "Paints what an experiment's file says, measures it and shows it on a page.\n"
    "\n"
    "  experiment plan FILE      what there is to do, and what it takes\n"
    "  experiment run FILE       does what is not done yet, then writes the report\n"
    "  experiment report FILE    writes the report of what is done\n"
    "  experiment compare A B    compares the pictures of two runs' folders";
constexpr const char* kEnding =
    "configs/experiments/README.md says what a file holds. A run's folder gets images/, results.jsonl,\n"
    "results.csv, report.html, grid.png and summary.md; it may be killed at any moment and run again, and\n"
    "several processes may run in one folder.\n"
    "\n"
    "Ctrl-C ends the run after the picture that is being made; a second Ctrl-C aborts.\n"
    "\n"
    "Exit status: 0 done; 1 some other failure; 2 wrong options; 3 a file that is missing, damaged or does\n"
    "not fit; 4 the output folder cannot be written or is full; 5 out of memory; 6 not supported here; 7 "
    "NaN\n"
    "or infinity in float32; 130 interrupted.\n";
constexpr const char* kNotice =
    "\nstopping; the picture that is being made is finished first, Ctrl-C again to abort\n";
constexpr const char* kMemoryAdvice = "lower --batch, or H and W in the experiment's settings";
const std::vector<std::string> kCommands{"plan", "run", "report", "compare"};

struct Options {
  std::string outdir, device = "auto";
  std::int64_t limit = 0, batch = 1, threads = 0;
  std::vector<std::string> set;
  bool help = false;
};

cli::CommandLine command_line(Options& o) {
  cli::CommandLine line(
      "experiment", kSummary,
      {{"Options",
        {cli::text("outdir", "FOLDER", o.outdir, "where the run lies; outputs/experiments/NAME if not given"),
         cli::integer("limit", o.limit, {0, kMostCells},
                      "at most so many pictures, evenly chosen; 0 for all"),
         cli::list("set", "a.b=c", o.set, "changes a value of the file; may be given several times"),
         cli::integer("batch", o.batch, {1, 4096},
                      "pictures that share a call of the network: faster on a GPU, and pixels may then "
                      "differ by a level"),
         cli::text("device", "DEVICE", o.device, "cpu, cuda, cuda:N, or auto, for models that do not choose"),
         cli::integer("threads", o.threads, {0, 4096},
                      "threads of the CPU, likewise; 0 for one for each core"),
         cli::flag("help", o.help, "this text")}}});
  line.take_files("plan|run|report FILE | compare A B");
  return line;
}

/// An experiment, its plan and its folder.
struct Job {
  Plan plan;
  ResultFolder folder;
};

Job open_job(const std::string& file, const Options& options) {
  // The device comes before any other call of torch.
  PlanTarget target;
  target.device = cli::open_device(options.device).device.str();
  if (options.threads > 0) at::set_num_threads(static_cast<int>(options.threads));
  target.threads = at::get_num_threads();
  Plan plan = make_plan(read_experiment(find_project_file(file), options.set), target, options.limit);
  const std::string folder =
      options.outdir.empty() ? files::join("outputs/experiments", plan.experiment.name) : options.outdir;
  return {std::move(plan), ResultFolder(folder)};
}

/// Writes tables and reports; gives the page's path.
std::string write_reports(Results results, const ResultFolder& folder) {
  if (results.plan->experiment.asks_for("ema_weights")) results.weights = ema_weights(*results.plan);
  folder.write("results.jsonl", results_jsonl(results));
  folder.write("results.csv", results_csv(results));
  folder.write("experiment.yaml", results.plan->experiment.yaml);
  folder.write("summary.md", markdown_summary(results));
  folder.write("grid.png", data::encode_png(labelled_grid(results)));
  folder.write("report.html", html_report(results));
  return folder.file("report.html");
}

void describe_plan(std::ostream& out, const Job& job, std::int64_t done) {
  const Experiment& experiment = job.plan.experiment;
  out << experiment.name << ": " << experiment.title << '\n';
  out << "  models    " << listed(values_of(job.plan, "model")) << '\n';
  for (const std::string& axis : job.plan.axes) {
    out << "  axis      " << axis << ": " << listed(values_of(job.plan, axis)) << '\n';
  }
  out << "  prompts   " << experiment.prompts.size() << ", seeds " << experiment.seeds.size() << '\n'
      << "  cells     " << job.plan.cells.size() << ", a picture each; " << done << " done in "
      << job.folder.path() << '\n';
}

void describe_estimate(std::ostream& out, const Estimate& estimate) {
  if (estimate.pictures == 0) {
    out << "  nothing is left to do\n";
    return;
  }
  out << "  to do     " << estimate.pictures << (estimate.pictures == 1 ? " image, " : " images, ")
      << estimate.steps << " steps\n"
      << "  time      about " << cli::duration_text(estimate.seconds) << " (speed measured on "
      << estimate.measured << " of " << estimate.kinds << (estimate.kinds == 1 ? " kind" : " kinds")
      << " of picture)\n"
      << "  memory    about " << gibibytes(estimate.memory);
  if (estimate.memory_available > 0) out << ", " << gibibytes(estimate.memory_available) << " available";
  out << '\n';
}

cli::ExitStatus plan(const std::string& file, const Options& options, const cli::ReadPicture& read_picture) {
  const Job job = open_job(file, options);
  const Results results = collect(job.plan, CellIdentity(options.batch).keys(job.plan), job.folder);
  std::vector<bool> done(job.plan.cells.size());
  for (const Result& result : results.pictures) done[result.cell] = true;
  describe_plan(std::cout, job, static_cast<std::int64_t>(results.pictures.size()));
  std::cout << std::flush;
  describe_estimate(std::cout, estimate(job.plan, done, read_picture));
  return cli::ExitStatus::success;
}

cli::ExitStatus run(const std::string& file, const Options& options, const cli::ReadPicture& read_picture) {
  const Job job = open_job(file, options);
  cli::Interrupts interrupts(kNotice);
  cli::ConsoleReporter reporter(cli::standard_console(), "experiment", [&] { return interrupts.any(); });
  Runner runner(job.plan, job.folder, options.batch, read_picture, reporter);
  std::ostringstream plan_text;
  describe_plan(plan_text, job, runner.done());
  reporter.say(plan_text.str());
  reporter.say(std::to_string(runner.done()) + " of " + std::to_string(job.plan.cells.size()) +
               " done already");
  const bool complete = runner.run();
  if (!complete) {
    reporter.say("stopped with " + std::to_string(runner.done()) + " of " +
                 std::to_string(job.plan.cells.size()) + " done; the same command goes on");
  }
  reporter.say("writing the report");
  reporter.written(write_reports(runner.results(), job.folder));
  return complete ? cli::ExitStatus::success : cli::ExitStatus::interrupted;
}

cli::ExitStatus report(const std::string& file, const Options& options) {
  const Job job = open_job(file, options);
  Results results = collect(job.plan, CellIdentity(options.batch).keys(job.plan), job.folder);
  if (results.pictures.empty()) {
    throw PlanError(file + ": expected pictures of this experiment in " + job.folder.path() +
                    ", found none; `experiment run` paints them");
  }
  MetricSet(job.plan).measure(results);
  std::cout << write_reports(std::move(results), job.folder) << std::endl;
  return cli::ExitStatus::success;
}

void expect_files(const std::string& command, const std::vector<std::string>& names, std::size_t count) {
  if (names.size() == count) return;
  throw OptionError("experiment " + command + ": expected " +
                    (count == 2 ? "the folders of two runs" : "one experiment file") + ", got " +
                    std::to_string(names.size()) + (names.size() == 1 ? " name" : " names"));
}

cli::ExitStatus dispatch(const std::string& command, const std::vector<std::string>& names,
                         const Options& options, const cli::ReadPicture& read_picture) {
  if (std::find(kCommands.begin(), kCommands.end(), command) == kCommands.end()) {
    const std::string guess = closest_name(command, kCommands);
    throw OptionError("expected plan, run, report or compare, got " +
                      (command.empty() ? "nothing" : "'" + command + "'") +
                      (guess.empty() ? "" : "; did you mean " + guess + "?"));
  }
  expect_files(command, names, command == "compare" ? 2 : 1);
  if (command == "plan") return plan(names[0], options, read_picture);
  if (command == "run") return run(names[0], options, read_picture);
  if (command == "report") return report(names[0], options);
  std::cout << compare_runs(names[0], names[1]) << std::flush;
  return cli::ExitStatus::success;
}

}  // namespace

int experiment_program(const std::vector<std::string>& arguments, const cli::ReadPicture& read_picture) {
  checkpoint::install_mapping_guard();
  keep_freed_memory();
  const auto body = [&] {
    Options options;
    cli::CommandLine line = command_line(options);
    const std::string help = line.help(kEnding);
    line.parse(arguments);
    if (options.help) {
      std::cout << help;
      return cli::ExitStatus::success;
    }
    const std::vector<std::string>& files = line.files();
    const std::string command = files.empty() ? "" : files.front();
    return dispatch(command, {files.begin() + (files.empty() ? 0 : 1), files.end()}, options, read_picture);
  };
  return cli::guarded("experiment", body, kMemoryAdvice);
}

}  // namespace ldm::experiments
