// The program `experiment` on the small model of the goldens.
#include <ATen/ATen.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <signal.h>
#include <sys/stat.h>

#include <algorithm>
#include <chrono>
#include <filesystem>
#include <map>
#include <nlohmann/json.hpp>
#include <random>
#include <thread>

#include "tests/e2e/programs.h"
#include "tests/support/files.h"
#include "tests/support/paths.h"

namespace ldm::testing {
namespace {

namespace fs = std::filesystem;
using nlohmann::json;
using ::testing::AllOf;
using ::testing::EndsWith;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::SizeIs;

constexpr int kKills = 10;

/// What all experiments here share; `rest` follows.
std::string experiment(const std::string& rest) {
  return write_file(new_folder() + "/trial.yaml",
                    "model: { config: " + project_path("tests/goldens/tiny-inference.yaml") +
                        ", ckpt: " + tiny_checkpoint() + ", device: cpu, threads: 1 }\n" + rest);
}

std::string small() {
  return experiment(
      "models: [ { name: one, ema: off }, { name: other, ema: off, \"model.params.linear_end\": 0.013 } ]\n"
      "prompts: [ a fox, \"it's \\\"quoted\\\", $HOME; 100 %\" ]\n"
      "seeds: { from: 1, count: 2 }\n"
      "settings: { H: 64, W: 64, steps: 3 }\n"
      "axes: { cross: { scale: [ 1, 5 ] } }\n"
      "compare: { to: one }\n"
      "metrics: [ psnr, ssim, mad, latent_distance ]\n");
}
constexpr std::size_t kSmallCells = 16;

Outcome experiment_program(const std::string& command, const std::string& file, const std::string& folder,
                           const std::vector<std::string>& more = {}) {
  std::vector<std::string> arguments{program("experiment"), command, file, "--outdir", folder};
  arguments.insert(arguments.end(), more.begin(), more.end());
  return run_program(arguments);
}

std::vector<json> results_in(const std::string& folder) {
  std::vector<json> results;
  for (const std::string& line : lines(read_file(folder + "/results.jsonl")))
    results.push_back(json::parse(line));
  return results;
}

/// The table without what a clock says.
std::vector<json> timeless(std::vector<json> results) {
  for (json& result : results) result.erase("seconds");
  return results;
}

std::map<std::string, std::string> pictures_in(const std::string& folder) {
  std::map<std::string, std::string> pictures;
  for (const std::string& name : files_in(folder + "/images"))
    pictures[name] = read_file(folder + "/images/" + name);
  return pictures;
}

/// Which file each of a run's is, and when it was written: by path.
std::map<std::string, std::vector<std::int64_t>> identities_in(const std::string& folder) {
  std::map<std::string, std::vector<std::int64_t>> identities;
  for (const char* name : {"/images", "/latents", "/records"}) {
    for (const auto& entry : fs::directory_iterator(folder + name)) {
      struct ::stat status {};
      EXPECT_EQ(::stat(entry.path().c_str(), &status), 0) << entry.path();
      identities[entry.path()] = {static_cast<std::int64_t>(status.st_ino), status.st_mtim.tv_sec,
                                  status.st_mtim.tv_nsec};
    }
  }
  return identities;
}

/// One undisturbed run that several tests compare with.
struct Undisturbed {
  std::string file = small(), folder = new_folder();
  Outcome outcome = experiment_program("run", file, folder);
};
const Undisturbed& undisturbed() {
  static const Undisturbed run;
  return run;
}

TEST(Experiment, RunsAndReports) {
  const Undisturbed& run = undisturbed();
  ASSERT_EQ(run.outcome.status, 0) << run.outcome.error;
  EXPECT_THAT(run.outcome.output, EndsWith(run.folder + "/report.html\n"));
  const std::vector<json> results = results_in(run.folder);
  ASSERT_THAT(results, SizeIs(kSmallCells));
  EXPECT_THAT(files_in(run.folder + "/images"), SizeIs(kSmallCells));
  EXPECT_THAT(files_in(run.folder + "/latents"), SizeIs(kSmallCells));
  EXPECT_THAT(files_in(run.folder + "/records"), SizeIs(kSmallCells));
  for (const json& result : results) {
    for (const char* field : {"key", "file", "axes", "prompt", "negative_prompt", "seed", "command",
                              "checkpoint_sha256", "config_sha256", "seconds", "batch"}) {
      EXPECT_TRUE(result.contains(field)) << field << " in " << result;
    }
    const bool is_target = result["model"] == "one";
    EXPECT_EQ(result["compared_to"] == "", is_target) << result;
    EXPECT_EQ(result["metrics"].contains("psnr"), !is_target) << result;
    EXPECT_EQ(result["latent_distances"].size(), is_target ? 0U : 3U) << result;
  }
  for (const char* name : {"/results.csv", "/grid.png", "/summary.md"})
    EXPECT_TRUE(fs::exists(run.folder + name)) << name;
  EXPECT_THAT(read_file(run.folder + "/report.html"),
              AllOf(HasSubstr("<dialog"), HasSubstr("data:image/png;base64,")));
}

TEST(Experiment, RedoesNothing) {
  const Undisturbed& run = undisturbed();
  const auto before = identities_in(run.folder);
  ASSERT_THAT(before, SizeIs(3 * kSmallCells));
  const Outcome again = experiment_program("run", run.file, run.folder);
  ASSERT_EQ(again.status, 0) << again.error;
  EXPECT_THAT(again.error, HasSubstr("16 of 16 done already"));
  EXPECT_EQ(identities_in(run.folder), before);
}

TEST(Experiment, PaintsAgainWhatWasDamaged) {
  const Undisturbed& run = undisturbed();
  const std::string folder = new_folder() + "/copy";
  fs::copy(run.folder, folder, fs::copy_options::recursive);
  const std::string picture = folder + "/images/" + files_in(folder + "/images").front();
  const std::string whole = read_file(picture);
  fs::resize_file(picture, whole.size() / 2);
  const Outcome again = experiment_program("run", run.file, folder);
  ASSERT_EQ(again.status, 0) << again.error;
  EXPECT_THAT(again.error, HasSubstr("15 of 16 done already"));
  EXPECT_EQ(read_file(picture), whole);
}

TEST(Experiment, KilledAndResumedGivesTheSame) {
  const Undisturbed& run = undisturbed();
  const std::string folder = new_folder();
  std::mt19937 random(7);
  int killed = 0;
  for (int attempt = 0; killed < kKills && attempt < 4 * kKills; ++attempt) {
    Process process({program("experiment"), "run", run.file, "--outdir", folder});
    std::this_thread::sleep_for(std::chrono::milliseconds(std::uniform_int_distribution<>(50, 900)(random)));
    process.send_signal(SIGKILL);
    killed += process.wait() == -1 ? 1 : 0;  // killed, and not ended by itself
    // A run that got to its end first is begun anew.
    if (fs::exists(folder + "/report.html")) {
      for (const char* name : {"/images", "/records", "/latents"}) fs::remove_all(folder + name);
      fs::remove(folder + "/report.html");
    }
  }
  EXPECT_EQ(killed, kKills);
  const Outcome last = experiment_program("run", run.file, folder);
  ASSERT_EQ(last.status, 0) << last.error;
  EXPECT_EQ(pictures_in(folder), pictures_in(run.folder));
  EXPECT_EQ(timeless(results_in(folder)), timeless(results_in(run.folder)));
  for (const char* name : {"/images", "/records", "/latents", ""}) {
    for (const std::string& file : files_in(folder + name))
      EXPECT_THAT(file, ::testing::Not(EndsWith(".tmp"))) << name;
  }
}

TEST(Experiment, TwoProcessesShareTheWork) {
  const Undisturbed& run = undisturbed();
  const std::string folder = new_folder();
  Process one({program("experiment"), "run", run.file, "--outdir", folder});
  Process two({program("experiment"), "run", run.file, "--outdir", folder});
  EXPECT_EQ(one.wait(), 0) << one.error();
  EXPECT_EQ(two.wait(), 0) << two.error();
  EXPECT_EQ(pictures_in(folder), pictures_in(run.folder));
  EXPECT_EQ(timeless(results_in(folder)), timeless(results_in(run.folder)));
}

/// Runs each picture's own command line in a shell and compares the files.
void expect_same_by_hand(const std::string& folder) {
  const std::vector<json> results = results_in(folder);
  ASSERT_FALSE(results.empty());
  for (const json& result : results) {
    std::string command = result["command"];
    const std::string name = command.substr(0, command.find(' '));
    const std::string out = new_folder();
    command.replace(0, name.size(), program(fs::path(name).filename()));
    const Outcome painted = run_program({"/bin/sh", "-c", command + " --outdir " + out});
    ASSERT_EQ(painted.status, 0) << command << '\n' << painted.error;
    EXPECT_EQ(read_file(out + "/samples/00000.png"), read_file(folder + "/" + std::string(result["file"])))
        << command;
  }
}

TEST(Experiment, EachCommandLinePaintsTheIdenticalFile) {
  ASSERT_EQ(undisturbed().outcome.status, 0) << undisturbed().outcome.error;
  expect_same_by_hand(undisturbed().folder);
}

TEST(Experiment, RepaintsPictures) {
  const std::string file = experiment(
      "program: img2img\nprompts: [ a fox ]\n"
      "settings: { init_img: " +
      project_path("tests/goldens/tiny_img2img_input.png") +
      ", steps: 6, picture_side: 64 }\naxes: { cross: { strength: [ 0.5, 1 ] } }\n"
      "compare: { axis: strength, to: 0.5 }\n");
  const std::string folder = new_folder();
  const Outcome outcome = experiment_program("run", file, folder);
  ASSERT_EQ(outcome.status, 0) << outcome.error;
  expect_same_by_hand(folder);
}

TEST(Experiment, SharedCallsDifferByOneLevelAtMost) {
  const Undisturbed& run = undisturbed();
  const std::string folder = new_folder();
  const Outcome outcome = experiment_program("run", run.file, folder, {"--batch", "4"});
  ASSERT_EQ(outcome.status, 0) << outcome.error;
  const std::vector<json> alone = results_in(run.folder), together = results_in(folder);
  ASSERT_EQ(alone.size(), together.size());
  for (std::size_t i = 0; i < alone.size(); ++i) {
    EXPECT_GT(together[i]["batch"], 1) << together[i];
    const at::Tensor a = pixels(run.folder + "/" + std::string(alone[i]["file"]));
    const at::Tensor b = pixels(folder + "/" + std::string(together[i]["file"]));
    EXPECT_LE((a.to(at::kInt) - b.to(at::kInt)).abs().max().item<int>(), 1) << together[i];
  }
}

TEST(Experiment, PlansWithoutPainting) {
  const std::string folder = new_folder() + "/none";
  const Outcome outcome =
      experiment_program("plan", undisturbed().file, folder, {"--limit", "4", "--set", "settings.steps=2"});
  ASSERT_EQ(outcome.status, 0) << outcome.error;
  EXPECT_THAT(outcome.output,
              AllOf(HasSubstr("cells     4"), HasSubstr("4 images, 8 steps"), HasSubstr("GiB")));
  EXPECT_FALSE(fs::exists(folder));
}

TEST(Experiment, ReportsAndComparesRuns) {
  const Undisturbed& run = undisturbed();
  const std::string page = read_file(run.folder + "/report.html");
  fs::remove(run.folder + "/report.html");
  const Outcome report = experiment_program("report", run.file, run.folder);
  ASSERT_EQ(report.status, 0) << report.error;
  EXPECT_EQ(read_file(run.folder + "/report.html"), page);
  const Outcome compared = run_program({program("experiment"), "compare", run.folder, run.folder});
  ASSERT_EQ(compared.status, 0) << compared.error;
  EXPECT_THAT(compared.output, HasSubstr("16 pairs, 16 with equal pixels"));
}

TEST(Experiment, LimitsAndChangesValues) {
  const Undisturbed& run = undisturbed();
  const std::string folder = new_folder();
  const Outcome outcome = experiment_program("run", run.file, folder, {"--limit", "4"});
  ASSERT_EQ(outcome.status, 0) << outcome.error;
  EXPECT_THAT(results_in(folder), SizeIs(4));
  const Outcome compared = run_program({program("experiment"), "compare", run.folder, folder});
  ASSERT_EQ(compared.status, 0) << compared.error;
  EXPECT_THAT(compared.output, AllOf(HasSubstr("only in A: 12, only in B: 0"),
                                     HasSubstr("all: 4 pairs, 4 with equal pixels")));
  // Fewer steps give other pictures, which are not those that are there.
  const Outcome changed =
      experiment_program("run", run.file, folder, {"--limit", "4", "--set", "settings.steps=2"});
  ASSERT_EQ(changed.status, 0) << changed.error;
  EXPECT_THAT(changed.error, HasSubstr("0 of 4 done already"));
  const std::vector<json> results = results_in(folder);
  ASSERT_THAT(results, SizeIs(4));
  for (const json& result : results) {
    EXPECT_EQ(result["steps"], 2) << result;
    EXPECT_THAT(std::string(result["command"]), HasSubstr("--ddim_steps 2 "));
  }
}

struct BadFile {
  const char* name;
  std::string rest;
  int status;
  std::string message;
};

class BadExperiment : public ::testing::TestWithParam<BadFile> {};

TEST_P(BadExperiment, EndsBeforeAnyWork) {
  const std::string file = experiment(GetParam().rest), folder = new_folder() + "/none";
  const Outcome outcome = experiment_program("run", file, folder);
  EXPECT_EQ(outcome.status, GetParam().status) << outcome.error;
  EXPECT_THAT(outcome.error, AllOf(HasSubstr(file), HasSubstr(GetParam().message)));
  EXPECT_THAT(outcome.output, IsEmpty());
  EXPECT_FALSE(fs::exists(folder));
}

INSTANTIATE_TEST_SUITE_P(
    Experiment, BadExperiment,
    ::testing::Values(
        BadFile{"unknown_axis", "prompts: [ a ]\naxes: { cross: { scael: [ 1 ] } }\n", 3,
                "did you mean scale?"},
        BadFile{"bad_value", "prompts: [ a ]\naxes: { cross: { steps: [ 5, many ] } }\n", 3,
                "expected an integer from 1 to 1000, got 'many'"},
        BadFile{"missing_checkpoint", "prompts: [ a ]\nmodels: [ { name: x, ckpt: no/such.ckpt } ]\n", 3,
                "no/such.ckpt"},
        BadFile{"empty_product",
                "prompts: [ a ]\nseeds: [ 1, 2 ]\nfilters: [ { exclude: { seed: [ 1, 2 ] } } ]\n", 3,
                "leave nothing"},
        BadFile{"a_million_cells",
                "prompts: [ a ]\nseeds: { from: 0, count: 100000 }\naxes: { cross: { scale: [ 1, 2, 3, 4, 5, "
                "6, 7, 8, 9, 10 ] } }\n",
                3, "expected at most 100000 cells"},
        BadFile{"metric_with_a_network", "prompts: [ a ]\nmetrics: [ fid ]\n", 6, "not available"}),
    [](const auto& one) { return std::string(one.param.name); });

}  // namespace
}  // namespace ldm::testing
