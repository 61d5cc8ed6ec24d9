#include "ldm/experiments/plan.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <filesystem>
#include <optional>
#include <stdexcept>
#include <string>
#include <vector>

#include "ldm/cli/generation_command_line.h"
#include "tests/experiments/experiment_test_util.h"
#include "tests/support/files.h"
#include "tests/support/paths.h"

namespace ldm::experiments {
namespace {

using ldm::testing::error_of;
using ldm::testing::plan_of;
using ::testing::AllOf;
using ::testing::Contains;
using ::testing::ElementsAre;
using ::testing::ElementsAreArray;
using ::testing::HasSubstr;
using ::testing::SizeIs;

/// "model axes prompt seed" of each cell.
std::vector<std::string> texts(const Plan& plan) {
  std::vector<std::string> list;
  for (const Cell& cell : plan.cells) {
    std::string text = value_of(plan, cell, "model");
    for (const std::string& axis : plan.axes) text += " " + value_of(plan, cell, axis);
    list.push_back(text + " " + value_of(plan, cell, "prompt") + " " + value_of(plan, cell, "seed"));
  }
  return list;
}

/// All fields that an experiment can change, so that whole options can be compared.
std::string text_of(const GenerationOptions& o) {
  std::vector<std::string> fields{o.prompt,       o.negative_prompt, o.init_img,       o.sampler,
                                  o.model.config, o.model.ckpt,      o.model.ema,      o.model.ema_ckpt,
                                  o.model.mmap,   o.model.device,    o.model.precision};
  for (const std::int64_t number : {o.H, o.W, o.n_iter, o.n_samples, o.ddim_steps, o.C, o.f, o.seed,
                                    o.model.picture_side, o.model.threads}) {
    fields.push_back(std::to_string(number));
  }
  for (const double number : {o.strength, o.ddim_eta, o.scale}) fields.push_back(std::to_string(number));
  for (const bool flag : {o.plms, o.dpm_solver, o.fixed_code, o.skip_grid, o.skip_save, o.model.model_hash}) {
    fields.emplace_back(flag ? "on" : "off");
  }
  fields.insert(fields.end(), o.model.overrides.begin(), o.model.overrides.end());
  std::string text;
  for (const std::string& field : fields) text += field + '\n';
  return text;
}

/// What the program itself makes of arguments.
std::string text_of(GenerationKind kind, const std::vector<std::string>& arguments) {
  GenerationOptions options = default_options(kind);
  cli::ProgramOptions program;
  cli::CommandLine line = cli::generation_command_line(options, program);
  line.parse(arguments);
  cli::finish_command_line(line, options, program);
  return text_of(options);
}

std::string plan_error(const std::string& yaml) {
  return error_of<PlanError>([&] { plan_of(yaml); });
}

/// "0, 1, ...", so many.
std::string numbers(int count) {
  std::string list = "0";
  for (int k = 1; k < count; ++k) list += ", " + std::to_string(k);
  return list;
}

TEST(Plan, IsTheProductInOrder) {
  const Plan plan = plan_of(
      "models: [ { name: m }, { name: n, ema: off } ]\nprompts: [ a, b ]\nseeds: [ 3, 1 ]\naxes: { cross: { "
      "scale: [ 2, 1 ] } }\n");
  EXPECT_THAT(texts(plan), ElementsAre("m 2 a 3", "m 2 a 1", "m 2 b 3", "m 2 b 1", "m 1 a 3", "m 1 a 1",
                                       "m 1 b 3", "m 1 b 1", "n 2 a 3", "n 2 a 1", "n 2 b 3", "n 2 b 1",
                                       "n 1 a 3", "n 1 a 1", "n 1 b 3", "n 1 b 1"));
}

TEST(Plan, ZipsAndFilters) {
  const Plan plan = plan_of(
      "prompts: [ a ]\nseeds: [ 1, 2 ]\naxes: { zip: { steps: [ 5, 9 ], eta: [ 0, 1 ] }, cross: { scale: [ "
      "1, 3 ] } }\n"
      "filters: [ { exclude: { steps: 9, scale: [ 1 ] } }, { only: { seed: 2 } } ]\n");
  EXPECT_THAT(plan.axes, ElementsAre("scale", "ddim_steps", "ddim_eta"));
  EXPECT_THAT(texts(plan), ElementsAre("weights 1 5 0 a 2", "weights 3 5 0 a 2", "weights 3 9 1 a 2"));
}

TEST(Plan, CellsOfOneModelAreNextToEachOther) {
  const Plan plan = plan_of(
      "prompts: [ a ]\nseeds: [ 1, 2 ]\naxes: { cross: { scale: [ 1, 2 ], precision: [ full, bf16 ] } }\n");
  std::vector<std::string> precisions;
  for (const Cell& cell : plan.cells) precisions.push_back(cell.options.model.precision);
  EXPECT_THAT(precisions, ElementsAre("full", "full", "full", "full", "bf16", "bf16", "bf16", "bf16"));
}

TEST(Plan, CellsOfOneModelAreNextToEachOtherHoweverItIsSpelled) {
  const Plan plan = plan_of(
      "prompts: [ a ]\nmodels: [ { name: k, ema: off, mmap: on }, { name: l }, "
      "{ name: m, mmap: on, ema: off }, { name: n, ema: config, device: auto, threads: 0 } ]\n");
  EXPECT_THAT(texts(plan), ElementsAre("k a 42", "m a 42", "l a 42", "n a 42"));
}

TEST(Plan, OverridesMakeAnotherModel) {
  const Plan plan = plan_of(
      "prompts: [ a ]\nmodels: [ { name: m }, { name: n, scale: 2 } ]\n"
      "axes: { cross: { \"model.params.linear_end\": [ 0.012, 0.013 ] } }\n");
  EXPECT_THAT(texts(plan), ElementsAre("m 0.012 a 42", "n 0.012 a 42", "m 0.013 a 42", "n 0.013 a 42"));
}

TEST(Plan, OptionsAreWhatTheArgumentsSay) {
  const Plan plan = plan_of(
      "prompts: [ { prompt: a, negative: b } ]\nsettings: { plms: on, steps: 7, H: 128 }\n"
      "models: [ { name: m, \"model.params.linear_end\": 0.013 } ]\naxes: { cross: { scale: [ 1e1 ] } }\n");
  const Cell& cell = plan.cells.at(0);
  EXPECT_THAT(cell.arguments, AllOf(Contains("--prompt=a"), Contains("--negative-prompt=b"),
                                    Contains("--plms"), Contains("--scale=1e1"), Contains("--threads=2"),
                                    Contains("--device=cpu"), Contains("model.params.linear_end=0.013")));
  EXPECT_EQ(cell.options.scale, 10);
  EXPECT_EQ(cell.options.ddim_steps, 7);
  EXPECT_TRUE(cell.options.plms);
  EXPECT_EQ(cell.options.H, 128);
  EXPECT_EQ(cell.options.n_samples, 1);
  EXPECT_THAT(cell.options.model.overrides, ElementsAre("model.params.linear_end=0.013"));
}

TEST(Plan, ArgumentsStandInOneOrder) {
  const Plan plan = plan_of(
      "prompts: [ { prompt: a, negative: b } ]\nsettings: { plms: on, fixed_code: off, steps: 7 }\n"
      "models: [ { name: m, \"model.params.linear_end\": 0.013, ema: off } ]\n"
      "axes: { cross: { scale: [ 2 ] } }\n");
  const ModelOptions& model = plan.cells.at(0).options.model;
  EXPECT_THAT(plan.cells.at(0).arguments,
              ElementsAre("--prompt=a", "--negative-prompt=b", "--config=" + model.config,
                          "--ckpt=" + model.ckpt, "--plms", "--ddim_steps=7", "--ema=off", "--scale=2",
                          "--seed=42", "--n_samples=1", "--n_iter=1", "--skip_grid", "--model-hash",
                          "--threads=2", "--device=cpu", "model.params.linear_end=0.013"));
}

TEST(Plan, EachCellsOptionsAreThoseOfItsArguments) {
  const Plan plan = plan_of(
      "models: [ { name: m }, { name: n, ema: off, threads: 3 } ]\n"
      "prompts: [ a, { prompt: b, negative: c } ]\nseeds: [ 0, 7, 4294967295 ]\naxes: { cross: { "
      "plms: [ on, off ], scale: [ 2, 3 ], \"model.params.linear_end\": [ 0.012, 0.013 ] } }\n");
  ASSERT_THAT(plan.cells, SizeIs(2 * 2 * 3 * 8));
  for (const Cell& cell : plan.cells) {
    EXPECT_EQ(text_of(cell.options), text_of(GenerationKind::txt2img, cell.arguments));
    EXPECT_EQ(cell.options.seed, cell.seed);
    EXPECT_EQ(cell.options.prompt, value_of(plan, cell, "prompt"));
  }
}

TEST(Plan, AModelTakesThePlaceOfASetting) {
  const Plan plan =
      plan_of("prompts: [ a ]\nmodels: [ { name: m }, { name: n, config: " +
              ldm::testing::golden_path("tiny-inference.yaml") + ", threads: 5, device: auto } ]\n");
  for (const Cell& cell : plan.cells) {
    EXPECT_EQ(std::count_if(cell.arguments.begin(), cell.arguments.end(),
                            [](const std::string& text) { return text.compare(0, 9, "--config=") == 0; }),
              1);
    EXPECT_EQ(cell.options.model.device, "cpu");
  }
  EXPECT_EQ(plan.cells.at(1).options.model.threads, 5);
}

TEST(Plan, FindsThePictureThatComesWithTheProject) {
  const Plan plan = plan_of(
      "program: img2img\nprompts: [ a ]\n"
      "settings: { init_img: configs/experiments/init.png, picture_side: 64 }\n");
  const std::string& picture = plan.cells.at(0).options.init_img;
  EXPECT_TRUE(std::filesystem::exists(picture)) << picture;
  EXPECT_EQ(text_of(plan.cells.at(0).options), text_of(GenerationKind::img2img, plan.cells.at(0).arguments));
}

TEST(Plan, WeightsInAFolderHaveNoHash) {
  const std::string folder = ldm::testing::new_folder();
  const Plan plan = plan_of("prompts: [ a ]\nmodels: [ { name: m, ckpt: " + folder + " }, { name: n } ]\n");
  EXPECT_FALSE(plan.cells.at(0).options.model.model_hash);
  EXPECT_TRUE(plan.cells.at(1).options.model.model_hash);
}

TEST(Plan, LimitIsEvenlyChosen) {
  const Plan plan = plan_of("prompts: [ a ]\nseeds: { from: 0, count: 10 }\n", 4);
  EXPECT_THAT(texts(plan), ElementsAre("weights a 0", "weights a 2", "weights a 5", "weights a 7"));
}

TEST(Plan, LimitCountsWhatTheFiltersLeave) {
  const std::string yaml =
      "prompts: [ a ]\nseeds: { from: 0, count: 6 }\nfilters: [ { only: { seed: [ 1, 2, 5 ] } } ]\n";
  EXPECT_THAT(texts(plan_of(yaml, 2)), ElementsAre("weights a 1", "weights a 2"));
  EXPECT_THAT(texts(plan_of(yaml, 3)), ElementsAreArray(texts(plan_of(yaml))));
  EXPECT_THAT(plan_of(yaml, 100).cells, SizeIs(3));
}

/// The words of a command as a shell takes them, of single quotes and backslashes alone.
std::vector<std::string> words(const std::string& line) {
  std::vector<std::string> list(1);
  bool quoted = false;
  for (std::size_t i = 0; i < line.size(); ++i) {
    if (line[i] == '\'') {
      quoted = !quoted;
    } else if (line[i] == '\\' && !quoted) {
      list.back() += line[++i];
    } else if (line[i] == ' ' && !quoted) {
      list.emplace_back();
    } else {
      list.back() += line[i];
    }
  }
  return list;
}

TEST(Plan, CommandLineReadsBackToTheSameOptions) {
  const Plan plan = plan_of(
      "prompts: [ \"it's \\\"so\\\" $HOME `x` \\\\ ü\\n--seed 7\", --dashes, \"-\", \"\", "
      "\"a=b; * ~ ! # (c)\" ]\nsettings: { negative: \"- no\" }\naxes: { cross: { plms: [ on, off ], "
      "\"model.params.note\": [ \"'it''s, $1'\", 1e-3 ] } }\n");
  ASSERT_THAT(plan.cells, SizeIs(20));
  for (const Cell& cell : plan.cells) {
    std::vector<std::string> arguments = words(command_line(plan, cell));
    EXPECT_EQ(arguments.front(), "build/bin/txt2img");
    arguments.erase(arguments.begin());
    EXPECT_EQ(text_of(GenerationKind::txt2img, arguments), text_of(cell.options));
  }
}

TEST(Plan, CommandLineIsReadable) {
  const Plan plan = plan_of("prompts: [ a fox, -x ]\n");
  EXPECT_THAT(command_line(plan, plan.cells.at(0)),
              AllOf(HasSubstr("build/bin/txt2img --prompt 'a fox' --config "),
                    HasSubstr(" --seed 42 --n_samples 1 --n_iter 1 --skip_grid --model-hash --threads 2 ")));
  EXPECT_THAT(command_line(plan, plan.cells.at(1)), HasSubstr(" --prompt=-x --config "));
}

TEST(Plan, ComparesWhatIsElseTheSame) {
  const Plan plan = plan_of(
      "models: [ { name: m }, { name: n, ema: off } ]\nprompts: [ a ]\nseeds: [ 1, 2 ]\naxes: { cross: { "
      "scale: [ 1, 3 ] } }\n"
      "filters: [ { exclude: { model: n, scale: 3, seed: 1 } } ]\ncompare: { to: n }\n");
  const auto compared = compared_cells(plan);
  ASSERT_THAT(compared, SizeIs(7));
  for (std::size_t i = 0; i < compared.size(); ++i) {
    const Cell& cell = plan.cells[i];
    const bool is_hole = cell.axes[0] == "3" && cell.seed == 1;
    EXPECT_EQ(compared[i].has_value(), cell.model == 0 && !is_hole);
    if (!compared[i]) continue;
    const Cell& other = plan.cells[*compared[i]];
    EXPECT_EQ(other.model, 1U);
    EXPECT_EQ(other.seed, cell.seed);
    EXPECT_EQ(other.axes, cell.axes);
  }
}

TEST(Plan, ComparesAlongAnAxisOfAZip) {
  const Plan plan = plan_of(
      "prompts: [ a ]\naxes: { zip: { steps: [ 5, 9 ], eta: [ 0, 1 ] } }\ncompare: { axis: steps, to: 9 }\n");
  EXPECT_THAT(compared_cells(plan), ElementsAre(std::optional<std::size_t>(1), std::nullopt));
}

TEST(Plan, ComparesNothingUnlessAsked) {
  const Plan plan = plan_of("prompts: [ a ]\nmodels: [ { name: m }, { name: n, ema: off } ]\n");
  EXPECT_THAT(compared_cells(plan), ElementsAre(std::nullopt, std::nullopt));
}

TEST(Plan, TextsWithLineBreaksAreNotMixedUp) {
  // Both cells' values read the same when they stand one below the other.
  Plan plan;
  plan.experiment.compare = Comparison{"model", "n"};
  plan.experiment.models.resize(2);
  plan.experiment.models[1].name = "n";
  plan.experiment.prompts.resize(1);
  plan.experiment.axes.resize(2);
  plan.experiment.axes[0].names = plan.axes = {"negative-prompt"};
  plan.experiment.axes[1].names = {"init-img"};
  plan.axes.push_back("init-img");
  plan.cells.resize(2);
  plan.cells[0].axes = {"x\ny", "z"};
  plan.cells[1].model = 1;
  plan.cells[1].axes = {"x", "y\nz"};
  EXPECT_THAT(compared_cells(plan), ElementsAre(std::nullopt, std::nullopt));
}

TEST(Plan, ValuesComeByNameAlone) {
  const Plan plan = plan_of("prompts: [ a ]\naxes: { cross: { steps: [ 5, 9 ] } }\n");
  EXPECT_EQ(value_of(plan, plan.cells.at(1), "ddim_steps"), "9");
  EXPECT_THAT(error_of<std::invalid_argument>([&] { value_of(plan, plan.cells.at(0), "scale"); }),
              HasSubstr("expected an axis of the plan, got 'scale'"));
}

TEST(Plan, NamesTheAxesThatVary) {
  const Plan plan = plan_of("prompts: [ a, b ]\naxes: { cross: { scale: [ 1, 3 ], steps: [ 5 ] } }\n");
  EXPECT_THAT(varying_axes(plan), ElementsAre("scale", "prompt"));
  EXPECT_THAT(values_of(plan, "scale"), ElementsAre("1", "3"));
}

TEST(Plan, AContradictionNamesItsCell) {
  EXPECT_THAT(
      plan_error("prompts: [ a, b ]\nseeds: [ 3 ]\n"
                 "axes: { cross: { plms: [ off, on ], dpm_solver: [ off, on ] } }\n"),
      AllOf(HasSubstr("trial.yaml: model 'weights', plms 'on', dpm_solver 'on', prompt 'a', seed '3': "),
            HasSubstr("expected one sampler"), HasSubstr("plms")));
  EXPECT_THAT(
      plan_error("prompts: [ a ]\nsettings: { sampler: plms }\naxes: { cross: { eta: [ 0, 0.5 ] } }\n"),
      AllOf(HasSubstr("ddim_eta '0.5'"), HasSubstr("--ddim_eta: expected 0 with the sampler plms")));
  EXPECT_THAT(
      plan_error("prompts: [ a, { prompt: b, negative: c } ]\nsettings: { scale: 1 }\n"),
      AllOf(HasSubstr("prompt 'b'"), HasSubstr("--negative-prompt: expected a --scale other than 1")));
}

TEST(Plan, AContradictionThatIsFilteredOutIsNone) {
  const Plan plan = plan_of(
      "prompts: [ a ]\naxes: { cross: { plms: [ on, off ], eta: [ 0, 1 ] } }\n"
      "filters: [ { exclude: { plms: on, eta: 1 } } ]\n");
  EXPECT_THAT(plan.cells, SizeIs(3));
}

TEST(Plan, RefusesFilesThatAreNotThere) {
  EXPECT_THAT(
      plan_error("prompts: [ a ]\nmodels: [ { name: m, config: no.yaml } ]\n"),
      AllOf(HasSubstr("trial.yaml"), HasSubstr("expected a config at 'no.yaml', found nothing there")));
  EXPECT_THAT(plan_error("prompts: [ a ]\nmodels: [ { name: m, config: " +
                         ldm::testing::project_path("configs/demo") + " } ]\n"),
              HasSubstr("found a folder"));
  EXPECT_THAT(plan_error("prompts: [ a ]\nmodels: [ { name: m, ckpt: no.ckpt } ]\n"),
              AllOf(HasSubstr("trial.yaml"), HasSubstr("no.ckpt"), HasSubstr("models/README.md")));
  EXPECT_THAT(plan_error("prompts: [ a ]\nmodels: [ { name: m, ema-ckpt: no.ckpt } ]\n"),
              HasSubstr("expected averaged weights at 'no.ckpt'"));
  EXPECT_THAT(plan_error("program: img2img\nprompts: [ a ]\n"), HasSubstr("expected --init-img"));
  const std::string too_long(5000, 'x');
  for (const std::string& picture : {std::string("no.png"), too_long}) {
    EXPECT_THAT(plan_error("program: img2img\nprompts: [ a ]\nsettings: { init_img: " + picture + " }\n"),
                HasSubstr("expected a picture to start from at '" + picture + "', found nothing there"));
  }
}

TEST(Plan, RefusesAnEmptyProductWithItsFilters) {
  EXPECT_THAT(
      plan_error("prompts: [ a ]\nseeds: [ 1, 2 ]\nfilters:\n- exclude: { seed: 1 }\n- only: { seed: 1 }\n"),
      AllOf(HasSubstr("trial.yaml:5"), HasSubstr("trial.yaml:6"), HasSubstr("leave nothing")));
}

TEST(Plan, RefusesTooManyCellsBeforeItMakesThem) {
  EXPECT_THAT(
      plan_error("prompts: [ a ]\nseeds: { from: 0, count: 1000 }\naxes: { cross: { scale: [ " +
                 numbers(1000) + " ] } }\n"),
      HasSubstr("expected at most 100000 cells, got 1000000 before filters: 1000 scale x 1000 seeds"));
  // A product that no integer of 64 bits holds.
  std::string axes;
  for (const char* name : {"scale", "eta", "\"a.b\"", "\"a.c\"", "\"a.d\"", "\"a.e\"", "\"a.f\""}) {
    axes += std::string(axes.empty() ? "" : ", ") + name + ": [ " + numbers(1000) + " ]";
  }
  EXPECT_THAT(plan_error("prompts: [ a ]\naxes: { cross: { " + axes + " } }\n"),
              HasSubstr("got more than 10^15 before filters: 1000 scale x 1000 ddim_eta x 1000 a.b"));
}

TEST(Plan, FiltersDoNotExcuseTooManyCells) {
  EXPECT_THAT(
      plan_error(
          "prompts: [ a, b ]\nseeds: { from: 0, count: 50001 }\nfilters: [ { only: { prompt: a } } ]\n"),
      HasSubstr("got 100002 before filters: 2 prompts x 50001 seeds"));
}

}  // namespace
}  // namespace ldm::experiments
