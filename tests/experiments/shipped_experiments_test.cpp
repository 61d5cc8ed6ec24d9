#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstddef>
#include <sstream>
#include <string>

#include "ldm/experiments/demo_recognition.h"
#include "ldm/experiments/experiment.h"
#include "ldm/pipelines/demo_model.h"
#include "tests/experiments/print_setting.h"
#include "tests/support/files.h"
#include "tests/support/paths.h"

namespace ldm::experiments {
namespace {

using ::testing::Contains;
using ::testing::Not;

constexpr const char* kNames[]{"ema_vs_non_ema", "v1_variants", "samplers_and_steps", "img2img_strength",
                               "precision"};
constexpr const char* kMark = "# for Stable Diffusion v1: ";

std::string path_of(const std::string& name) {
  return testing::project_path("configs/experiments/" + name + ".yaml");
}

std::size_t pictures(const Experiment& experiment) {
  std::size_t count = experiment.models.size() * experiment.prompts.size() * experiment.seeds.size();
  for (const AxisGroup& group : experiment.axes) count *= group.points.size();
  return count;
}

class ShippedExperiment : public ::testing::TestWithParam<const char*> {};

TEST_P(ShippedExperiment, IsASmallOneOfTheDemoModel) {
  const Experiment experiment = read_experiment(path_of(GetParam()));
  EXPECT_EQ(experiment.name, GetParam());
  EXPECT_NE(experiment.title, experiment.name);
  EXPECT_THAT(experiment.settings, Contains(Setting{"ckpt", DemoModel::ckpt}));
  EXPECT_TRUE(experiment.compare.has_value());
  EXPECT_GE(pictures(experiment), 20u);
  EXPECT_LE(pictures(experiment), 130u);
}

TEST_P(ShippedExperiment, IsOneOfStableDiffusionByAnotherLine) {
  std::istringstream lines(testing::read_file(path_of(GetParam())));
  std::string changed;
  int marks = 0;
  for (std::string line; std::getline(lines, line);) {
    if (line.find(kMark) != std::string::npos) {
      ++marks;
      line.replace(line.find("demo"), 4, "v1");
    }
    changed += line + '\n';
  }
  EXPECT_EQ(marks, 1);
  const std::string path = testing::write_file(testing::new_folder() + "/changed.yaml", changed);
  const Experiment experiment = read_experiment(path);
  EXPECT_THAT(experiment.settings, Not(Contains(Setting{"ckpt", DemoModel::ckpt})));
  EXPECT_TRUE(experiment.compare.has_value());
}

INSTANTIATE_TEST_SUITE_P(All, ShippedExperiment, ::testing::ValuesIn(kNames),
                         [](const auto& name) { return std::string(name.param); });

TEST(ShippedExperiments, AskForWhatTheDemoModelKnows) {
  const DemoRecognition recognition;
  for (const char* name : kNames) {
    for (const Prompt& prompt : read_experiment(path_of(name)).prompts) {
      EXPECT_TRUE(recognition.scene_of(prompt.text).has_value()) << name << ": " << prompt.text;
    }
  }
}

TEST(V1Variants, AreTheFourCheckpointsAtThePublishedScales) {
  std::string yaml = testing::read_file(path_of("v1_variants"));
  yaml.replace(yaml.find("<<: *demo"), 9, "<<: *v1");
  const Experiment experiment =
      read_experiment(testing::write_file(testing::new_folder() + "/v1.yaml", yaml));
  ASSERT_EQ(experiment.models.size(), 4u);
  EXPECT_EQ(experiment.models[0].settings.front(),
            (Setting{"ckpt", "models/ldm/stable-diffusion-v1/sd-v1-1.ckpt"}));
  EXPECT_THAT(experiment.settings,
              ::testing::ElementsAre(Setting{"sampler", "plms"}, Setting{"ddim_steps", "50"}));
  ASSERT_EQ(experiment.axes.size(), 1u);
  EXPECT_EQ(experiment.axes[0].points.size(), 8u);
}

}  // namespace
}  // namespace ldm::experiments
