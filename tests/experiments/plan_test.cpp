#include "ldm/experiments/plan.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <set>

#include "ldm/cli/generation_command_line.h"
#include "tests/experiments/experiment_test_util.h"
#include "tests/support/files.h"

namespace ldm::experiments {
namespace {

using ldm::testing::error_of;
using ldm::testing::plan_of;
using ::testing::AllOf;
using ::testing::Contains;
using ::testing::ElementsAre;
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

TEST(Plan, LimitIsEvenlyChosen) {
  const Plan plan = plan_of("prompts: [ a ]\nseeds: { from: 0, count: 10 }\n", 4);
  EXPECT_THAT(texts(plan), ElementsAre("weights a 0", "weights a 2", "weights a 5", "weights a 7"));
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
      "prompts: [ \"it's \\\"so\\\" $HOME `x` \\\\ ü\\n--seed 7\", --dashes, \"\" ]\nsettings: { negative: "
      "\"- no\" }\n");
  for (const Cell& cell : plan.cells) {
    std::vector<std::string> arguments = words(command_line(plan, cell));
    EXPECT_EQ(arguments.front(), "build/bin/txt2img");
    arguments.erase(arguments.begin());
    GenerationOptions options = default_options(GenerationKind::txt2img);
    cli::ProgramOptions program;
    cli::generation_command_line(options, program).parse(arguments);
    EXPECT_EQ(options.prompt, cell.options.prompt);
    EXPECT_EQ(options.negative_prompt, cell.options.negative_prompt);
    EXPECT_EQ(options.seed, cell.options.seed);
    EXPECT_EQ(options.model.ckpt, cell.options.model.ckpt);
  }
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

TEST(Plan, NamesTheAxesThatVary) {
  const Plan plan = plan_of("prompts: [ a, b ]\naxes: { cross: { scale: [ 1, 3 ], steps: [ 5 ] } }\n");
  EXPECT_THAT(varying_axes(plan), ElementsAre("scale", "prompt"));
  EXPECT_THAT(values_of(plan, "scale"), ElementsAre("1", "3"));
}

TEST(Plan, RefusesWhatCannotBe) {
  const auto error = [](const std::string& yaml) { return error_of<PlanError>([&] { plan_of(yaml); }); };
  EXPECT_THAT(error("prompts: [ a ]\nsettings: { plms: on, sampler: ddim }\n"),
              AllOf(HasSubstr("trial.yaml"), HasSubstr("--plms")));
  EXPECT_THAT(error("prompts: [ a ]\nmodels: [ { name: m, config: no.yaml } ]\n"),
              HasSubstr("expected a config at 'no.yaml'"));
  EXPECT_THAT(error("prompts: [ a ]\nmodels: [ { name: m, ckpt: no.ckpt } ]\n"), HasSubstr("no.ckpt"));
  EXPECT_THAT(error("program: img2img\nprompts: [ a ]\n"), HasSubstr("expected --init-img"));
  EXPECT_THAT(error("program: img2img\nprompts: [ a ]\nsettings: { init_img: no.png }\n"),
              HasSubstr("no.png"));
  EXPECT_THAT(error("prompts: [ a ]\nfilters: [ { exclude: { prompt: a } } ]\n"), HasSubstr("leave nothing"));
  EXPECT_THAT(error("prompts: [ a ]\nseeds: { from: 0, count: 1000 }\naxes: { cross: { scale: [ " +
                    [] {
                      std::string list = "0";
                      for (int k = 1; k < 1000; ++k) list += ", " + std::to_string(k);
                      return list;
                    }() +
                    " ] } }\n"),
              HasSubstr("expected at most 100000 cells, got 1 models x 1000 scale x 1 prompts x 1000 seeds"));
}

}  // namespace
}  // namespace ldm::experiments
