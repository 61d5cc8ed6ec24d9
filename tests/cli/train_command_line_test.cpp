#include "ldm/cli/train_command_line.h"

#include <gmock/gmock.h>

#include "ldm/pipelines/generation_options.h"
#include "tests/support/files.h"

namespace ldm::cli {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

std::string error_of(const std::vector<std::string>& arguments) {
  return ldm::testing::error_of<OptionError>([&] { parse_train_arguments(arguments); });
}

TEST(TrainCommandLine, TakesTheReferencesSpelling) {
  const TrainOptions options = parse_train_arguments({"-b",
                                                      "a.yaml",
                                                      "b.yaml",
                                                      "model.params.use_ema=false",
                                                      "-t",
                                                      "--gpus",
                                                      "0,",
                                                      "-n",
                                                      "run",
                                                      "-f",
                                                      "_x",
                                                      "-l",
                                                      "out",
                                                      "-s",
                                                      "5",
                                                      "--scale_lr",
                                                      "False",
                                                      "--no-test",
                                                      "--max_steps=7",
                                                      "data.params.batch_size=2"});
  EXPECT_THAT(options.base, ElementsAre("a.yaml", "b.yaml"));
  EXPECT_THAT(options.overrides, ElementsAre("lightning.trainer.gpus=0,", "lightning.trainer.max_steps=7",
                                             "model.params.use_ema=false", "data.params.batch_size=2"));
  EXPECT_TRUE(options.train);
  EXPECT_TRUE(options.no_test);
  EXPECT_FALSE(options.scale_lr);
  EXPECT_FALSE(options.debug);
  EXPECT_EQ(options.name, "run");
  EXPECT_EQ(options.postfix, "_x");
  EXPECT_EQ(options.logdir, "out");
  EXPECT_EQ(options.seed, 5);
}

TEST(TrainCommandLine, SwitchesTakeAValueOrNone) {
  EXPECT_TRUE(parse_train_arguments({"-t", "-b", "a"}).train);
  EXPECT_TRUE(parse_train_arguments({"--train", "yes", "--base=a"}).train);
  EXPECT_FALSE(parse_train_arguments({"--train=n", "-b", "a"}).train);
  EXPECT_TRUE(parse_train_arguments({"-b", "a", "-d", "true"}).debug);
}

TEST(TrainCommandLine, WrongOptionsAreTold) {
  EXPECT_THAT(error_of({}), HasSubstr("--base: expected the paths of configs"));
  EXPECT_THAT(error_of({"-b"}), HasSubstr("--base: expected the paths of configs, got none"));
  EXPECT_THAT(error_of({"-r", "x", "-n", "y"}), HasSubstr("--name: expected no --resume"));
  EXPECT_THAT(error_of({"-b", "a", "--train=maybe"}),
              HasSubstr("--train: expected true or false, got 'maybe'"));
  EXPECT_THAT(error_of({"-b", "a", "--max_steps"}), HasSubstr("--max_steps: expected a value"));
  EXPECT_THAT(error_of({"-b", "a", "--seed", "-1"}), HasSubstr("--seed"));
  EXPECT_THAT(error_of({"-b", "a", "--sede", "1"}), HasSubstr("seed"));
}

TEST(TrainCommandLine, TheHelpNamesEveryOption) {
  for (const char* name : {"--base", "--train", "--resume", "--name", "--postfix", "--logdir", "--seed",
                           "--scale_lr", "--no-test", "--debug", "--project"}) {
    EXPECT_THAT(train_help(), HasSubstr(name));
  }
}

}  // namespace
}  // namespace ldm::cli
