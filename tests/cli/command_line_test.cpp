#include "ldm/cli/command_line.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "ldm/pipelines/generation_options.h"

namespace ldm::cli {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

struct Values {
  std::int64_t n_iter = 2;
  double scale = 7.5;
  std::string from_file, mode = "slow";
  bool skip_grid = false;
  std::string ckpt = "model.ckpt";
};

CommandLine command_line(Values& v) {
  OptionGroup fixed{"Model", {text("ckpt", "FILE", v.ckpt, "weights")}};
  fixed.fixed = true;
  return CommandLine(
      "paint", "Paints.",
      {{"Amount", {integer("n_iter", v.n_iter, {1, 9}, "how often")}},
       {"Other",
        {real("scale", v.scale, {0, 100}, "guidance"), text("from-file", "FILE", v.from_file, "prompts"),
         choice("mode", v.mode, {"slow", "fast", "best"}, "how"), flag("skip_grid", v.skip_grid, "no grid")}},
       fixed});
}

std::string error_of(const std::vector<std::string>& arguments) {
  Values values;
  try {
    command_line(values).parse(arguments);
  } catch (const OptionError& error) {
    return error.what();
  }
  return "nothing was thrown";
}

std::string line_error(const std::string& line) {
  Values values;
  try {
    command_line(values).parse_line(line);
  } catch (const OptionError& error) {
    return error.what();
  }
  return "nothing was thrown";
}

TEST(CommandLine, ReadsEachKindOfValue) {
  Values values;
  CommandLine line = command_line(values);
  line.parse({"--n_iter", "3", "--scale=-0", "--from-file", "a b.txt", "--mode", "best", "--skip_grid"});
  EXPECT_EQ(values.n_iter, 3);
  EXPECT_EQ(values.scale, 0);
  EXPECT_EQ(values.from_file, "a b.txt");
  EXPECT_EQ(values.mode, "best");
  EXPECT_TRUE(values.skip_grid);
  EXPECT_TRUE(line.given("n_iter"));
  EXPECT_FALSE(line.given("ckpt"));
}

TEST(CommandLine, DashAndUnderscoreAreTheSameInNames) {
  Values values;
  command_line(values).parse({"--n-iter", "4", "--from_file", "x", "--skip-grid"});
  EXPECT_EQ(values.n_iter, 4);
  EXPECT_EQ(values.from_file, "x");
  EXPECT_TRUE(values.skip_grid);
}

TEST(CommandLine, TheLastOfTwoValuesCounts) {
  Values values;
  command_line(values).parse({"--n_iter", "4", "--skip_grid", "--n-iter=5", "--skip_grid=off"});
  EXPECT_EQ(values.n_iter, 5);
  EXPECT_FALSE(values.skip_grid);
}

TEST(CommandLine, AnEqualsSignMakesAnyTextAValue) {
  Values values;
  command_line(values).parse({"--from-file=--mode=x", "--ckpt="});
  EXPECT_EQ(values.from_file, "--mode=x");
  EXPECT_EQ(values.ckpt, "");
}

TEST(CommandLine, ArgumentsWithEqualsAreOverrides) {
  Values values;
  CommandLine line = command_line(values);
  line.parse({"model.params.use_ema=true", "--n_iter", "1", "a=b=c"});
  EXPECT_THAT(line.overrides(), ElementsAre("model.params.use_ema=true", "a=b=c"));
}

TEST(CommandLine, RefusesWhatIsNotThere) {
  EXPECT_THAT(error_of({"--n_iters", "3"}), HasSubstr("the unknown '--n_iters'; did you mean --n_iter?"));
  EXPECT_THAT(error_of({"--form_file", "3"}), HasSubstr("did you mean --from-file?"));
  EXPECT_THAT(error_of({"--nothing-like-it"}), HasSubstr("--help lists all"));
  EXPECT_THAT(error_of({"-n", "3"}), HasSubstr("got '-n'"));
  EXPECT_THAT(error_of({"--"}), HasSubstr("got '--'"));
  EXPECT_THAT(error_of({"a", "red", "fox"}), HasSubstr("must stand in quotes"));
  EXPECT_THAT(error_of({""}), HasSubstr("got ''"));
  EXPECT_THAT(error_of({"=x"}), HasSubstr("got '=x'"));
  EXPECT_THAT(error_of({"--N_ITER", "3"}), HasSubstr("unknown '--N_ITER'"));
}

TEST(CommandLine, RefusesAMissingValue) {
  EXPECT_THAT(error_of({"--n_iter"}), HasSubstr("--n_iter: expected a value (N) after it, got none"));
  EXPECT_THAT(error_of({"--from-file", "--skip_grid"}), HasSubstr("got the option '--skip_grid'"));
}

TEST(CommandLine, RefusesValuesOutOfRange) {
  EXPECT_THAT(error_of({"--n_iter", "0"}), HasSubstr("--n_iter: expected an integer from 1 to 9, got '0'"));
  for (const char* bad : {"10", "-1", "2.5", "x", "", "3 ", "0x3", "99999999999999999999"}) {
    EXPECT_THAT(error_of({"--n_iter", bad}), HasSubstr("expected an integer from 1 to 9")) << bad;
  }
  for (const char* bad : {"-0.1", "100.5", "nan", "inf", "", "7,5", "1e999"}) {
    EXPECT_THAT(error_of({"--scale", bad}), HasSubstr("expected a number from 0 to 100")) << bad;
  }
  EXPECT_THAT(error_of({"--mode", "quick"}), HasSubstr("--mode: expected slow, fast or best, got 'quick'"));
  EXPECT_THAT(error_of({"--skip_grid=yes"}), HasSubstr("--skip_grid: expected on or off, got 'yes'"));
}

TEST(CommandLine, ALineSetsOneOptionToTheRestOfIt) {
  Values values;
  CommandLine line = command_line(values);
  line.parse_line("  --from_file  my file.txt \r");
  EXPECT_EQ(values.from_file, "my file.txt");
  line.parse_line("--scale=3");
  EXPECT_EQ(values.scale, 3);
  line.parse_line("--skip-grid");
  EXPECT_TRUE(values.skip_grid);
  line.parse_line("--skip-grid off");
  EXPECT_FALSE(values.skip_grid);
  line.parse_line("--from-file=");
  EXPECT_EQ(values.from_file, "");
}

TEST(CommandLine, ALineCannotChangeWhatIsFixed) {
  EXPECT_THAT(line_error("--ckpt other.ckpt"), HasSubstr("--ckpt: expected an option that can change"));
  EXPECT_THAT(line_error("--n_iter"), HasSubstr("expected a value (N) after it, got none"));
  EXPECT_THAT(line_error("--n_iter 3 --scale 4"), HasSubstr("got '3 --scale 4'"));
  EXPECT_THAT(line_error("--scal 4"), HasSubstr("did you mean --scale?"));
  EXPECT_THAT(line_error("n_iter 3"), HasSubstr("expected '--name value'"));
}

TEST(CommandLine, HelpNamesEveryOptionWithItsDefault) {
  Values values;
  values.n_iter = 7;
  const std::string help = command_line(values).help("The end.\n");
  EXPECT_THAT(help, HasSubstr("usage: paint"));
  EXPECT_THAT(help, HasSubstr("--n_iter N"));
  EXPECT_THAT(help, HasSubstr("how often (default: 7)"));
  EXPECT_THAT(help, HasSubstr("--mode slow|fast|best"));
  EXPECT_THAT(help, HasSubstr("--skip_grid"));
  EXPECT_THAT(help, HasSubstr("no grid\n"));
  EXPECT_THAT(help, HasSubstr("\nThe end.\n"));
}

TEST(CommandLine, HelpBreaksLongTexts) {
  std::string value;
  const std::string words = "word word word word word word word word word word word word word word word word";
  const CommandLine line("p", "s", {{"G", {text("name", "TEXT", value, words)}}});
  const std::string help = line.help("");
  std::size_t longest = 0;
  for (std::size_t begin = 0, end = 0; end != std::string::npos; begin = end + 1) {
    end = help.find('\n', begin);
    longest = std::max(longest, std::min(end, help.size()) - begin);
  }
  EXPECT_LE(longest, 100U);
  EXPECT_GT(longest, 70U);
}

}  // namespace
}  // namespace ldm::cli
