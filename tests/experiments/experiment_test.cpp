#include "ldm/experiments/experiment.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>
#include <utility>
#include <vector>

#include "ldm/config/config.h"
#include "ldm/files/error.h"
#include "ldm/pipelines/demo_model.h"
#include "tests/experiments/experiment_test_util.h"
#include "tests/experiments/print_setting.h"
#include "tests/support/files.h"

namespace ldm::experiments {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using Strings = std::vector<std::string>;
using testing::error_of;
using testing::new_folder;
using testing::read_text;
using testing::write_file;

/// With one prompt.
Experiment read_with(const std::string& yaml) {
  return read_text("prompts: [a fox]\n" + yaml);
}

std::string config_error(const std::string& yaml, const Strings& overrides = {}) {
  return error_of<config::ConfigError>([&] { read_text(yaml, overrides); });
}

TEST(Experiment, HasDefaults) {
  const std::string path = write_file(new_folder() + "/trial.yaml", "prompts: [a fox]\n");
  const Experiment e = read_experiment(path);
  EXPECT_EQ(e.path, path);
  EXPECT_EQ(e.name, "trial");
  EXPECT_EQ(e.title, "trial");
  EXPECT_EQ(e.kind, GenerationKind::txt2img);
  EXPECT_THAT(e.settings, IsEmpty());
  ASSERT_EQ(e.models.size(), 1u);
  EXPECT_EQ(e.models[0].name, "stable-diffusion-v1") << "after models/ldm/stable-diffusion-v1/model.ckpt";
  EXPECT_THAT(e.models[0].settings, IsEmpty());
  EXPECT_THAT(e.seeds, ElementsAre(42));
  EXPECT_TRUE(e.axes.empty() && e.filters.empty() && e.metrics.empty());
  EXPECT_FALSE(e.compare.has_value());
  EXPECT_EQ(e.report.picture_side, 160);
  EXPECT_EQ(e.report.embed_mb, 100);
}

TEST(Experiment, HasNamesAndAProgram) {
  const Experiment e = read_with(
      "name: a-b_c.1\ntitle: Two words\nprogram: img2img\nreport: {picture_side: 64, embed_mb: 0}\n");
  EXPECT_EQ(e.name, "a-b_c.1");
  EXPECT_EQ(e.title, "Two words");
  EXPECT_EQ(e.kind, GenerationKind::img2img);
  EXPECT_EQ(e.report.picture_side, 64);
  EXPECT_EQ(e.report.embed_mb, 0);
}

TEST(Experiment, NumbersAreNamesToo) {
  const Experiment e = read_with("name: 7\nmodels: [{name: 1.5}]\n");
  EXPECT_EQ(e.name, "7");
  EXPECT_EQ(e.models[0].name, "1.5");
}

TEST(Experiment, DefinitionsAreForAnchors) {
  const Experiment e = read_text(
      "definitions:\n  x: &x {seeds: [5], model: demo}\n  anything: [1, {a: b}]\n<<: *x\nprompts: [a fox]\n");
  EXPECT_THAT(e.seeds, ElementsAre(5));
  EXPECT_FALSE(e.settings.empty());
}

TEST(BaseModel, IsTheDemoModelAtItsOwnSize) {
  EXPECT_THAT(read_with("model: demo\n").settings,
              ElementsAre(Setting{"config", DemoModel::config}, Setting{"ckpt", DemoModel::ckpt},
                          Setting{"f", "4"}, Setting{"H", "64"}, Setting{"W", "64"}));
  EXPECT_THAT(read_with("program: img2img\nmodel: demo\n").settings,
              ElementsAre(Setting{"config", DemoModel::config}, Setting{"ckpt", DemoModel::ckpt},
                          Setting{"f", "4"}, Setting{"picture-side", "64"}));
  EXPECT_THAT(read_with("model: v1\n").settings, IsEmpty());
}

TEST(BaseModel, IsAMap) {
  const Experiment e =
      read_with("model: {ckpt: my/own.ckpt, precision: full, model.params.use_ema: false}\n");
  EXPECT_THAT(e.settings, ElementsAre(Setting{"ckpt", "my/own.ckpt"}, Setting{"precision", "full"},
                                      Setting{"model.params.use_ema", "false"}));
  EXPECT_EQ(e.models[0].name, "own");
}

TEST(BaseModel, IsABaseWithChanges) {
  const std::vector<Setting> settings = read_with("model: {ema: on, base: demo, ckpt: new.ckpt}\n").settings;
  EXPECT_THAT(settings,
              ElementsAre(Setting{"config", DemoModel::config}, Setting{"ckpt", "new.ckpt"},
                          Setting{"f", "4"}, Setting{"H", "64"}, Setting{"W", "64"}, Setting{"ema", "on"}));
}

TEST(BaseModel, GivesWayToSettingsModelsAndAxes) {
  const Experiment e = read_with(
      "model: {base: demo, precision: full}\nsettings: {H: 128}\nmodels: [{name: A, precision: bf16}]\n"
      "axes: {cross: {W: [64, 128]}}\n");
  EXPECT_THAT(e.settings, ElementsAre(Setting{"config", DemoModel::config}, Setting{"ckpt", DemoModel::ckpt},
                                      Setting{"f", "4"}, Setting{"H", "128"}, Setting{"W", "64"},
                                      Setting{"precision", "full"}));
  EXPECT_THAT(e.models[0].settings, ElementsAre(Setting{"precision", "bf16"}));
  EXPECT_THAT(e.axes[0].names, ElementsAre("W"));
}

TEST(Models, HaveNamesAndSettings) {
  const Experiment e = read_with(
      "models:\n"
      "  - { name: EMA, ema: on }\n"
      "  - { name: other weights, ckpt: b.ckpt, ema_ckpt: c.ckpt, threads: 2, model.params.linear_end: "
      "0.0130 }\n");
  ASSERT_EQ(e.models.size(), 2u);
  EXPECT_EQ(e.models[0].name, "EMA");
  EXPECT_THAT(e.models[0].settings, ElementsAre(Setting{"ema", "on"}));
  EXPECT_EQ(e.models[1].name, "other weights");
  EXPECT_THAT(e.models[1].settings,
              ElementsAre(Setting{"ckpt", "b.ckpt"}, Setting{"ema-ckpt", "c.ckpt"}, Setting{"threads", "2"},
                          Setting{"model.params.linear_end", "0.0130"}));
}

TEST(Models, AreNamedAfterTheirWeights) {
  EXPECT_EQ(read_with("model: {ckpt: a/sd-v1-4.ckpt}\n").models[0].name, "sd-v1-4");
  EXPECT_EQ(read_with("settings: {ckpt: b/folder/}\n").models[0].name, "folder");
}

TEST(Prompts, AreTextsWithOrWithoutANegativeOne) {
  const Experiment e =
      read_text("prompts:\n  - a fox, red\n  - {prompt: 1984, negative: blurry}\n  - 'no'\n  - ''\n");
  ASSERT_EQ(e.prompts.size(), 4u);
  EXPECT_EQ(e.prompts[0].text, "a fox, red");
  EXPECT_EQ(e.prompts[0].negative, "");
  EXPECT_EQ(e.prompts[1].text, "1984");
  EXPECT_EQ(e.prompts[1].negative, "blurry");
  EXPECT_EQ(e.prompts[2].text, "no");
  EXPECT_EQ(e.prompts[3].text, "");
}

TEST(Prompts, ComeFromAFile) {
  const std::string file = write_file(new_folder() + "/prompts.txt", "a fox\n\na cat\r\n");
  const Experiment e = read_text("prompts: {file: " + file + ", negative: blurry}\n");
  ASSERT_EQ(e.prompts.size(), 2u);
  EXPECT_EQ(e.prompts[1].text, "a cat");
  EXPECT_EQ(e.prompts[1].negative, "blurry");
}

TEST(Prompts, AFileThatIsNotThereIsNamedWithItsPlace) {
  const std::string error =
      error_of<files::FileError>([] { read_text("seeds: [1]\nprompts: {file: no/such/prompts.txt}\n"); });
  EXPECT_THAT(error, HasSubstr("trial.yaml:2: key 'prompts.file': "));
  EXPECT_THAT(error, HasSubstr("no/such/prompts.txt"));
}

TEST(Prompts, AFileWithoutPromptsIsAnError) {
  const std::string file = write_file(new_folder() + "/blank.txt", "\n \n");
  const std::string error = config_error("prompts: {file: " + file + "}\n");
  EXPECT_THAT(error, HasSubstr("trial.yaml:1: key 'prompts.file': "));
  EXPECT_THAT(error, HasSubstr("got blank lines only"));
}

TEST(Seeds, AreAListOrARange) {
  EXPECT_THAT(read_with("seeds: [7, 0, 4294967295]\n").seeds, ElementsAre(7, 0, 4294967295));
  EXPECT_THAT(read_with("seeds: {from: 4294967293, count: 3}\n").seeds,
              ElementsAre(4294967293, 4294967294, 4294967295));
  EXPECT_THAT(read_with("seeds: 9\n").seeds, ElementsAre(9));
}

TEST(Settings, KnowShortFormsAndBothSpellings) {
  const Experiment e =
      read_with("settings: {steps: 20, eta: 1, negative: no, per_x.y: 1, fixed-code: off}\n");
  EXPECT_THAT(e.settings, ElementsAre(Setting{"ddim_steps", "20"}, Setting{"ddim_eta", "1"},
                                      Setting{"negative-prompt", "no"}, Setting{"per_x.y", "1"},
                                      Setting{"fixed_code", "off"}));
  EXPECT_THAT(
      read_with("settings: {ddim-steps: 20, dpm-solver: on, negative_prompt: x}\n").settings,
      ElementsAre(Setting{"ddim_steps", "20"}, Setting{"dpm_solver", "on"}, Setting{"negative-prompt", "x"}));
  EXPECT_THAT(
      read_with("program: img2img\nsettings: {init_img: a.png, strength: 1, picture_side: 64}\n").settings,
      ElementsAre(Setting{"init-img", "a.png"}, Setting{"strength", "1"}, Setting{"picture-side", "64"}));
}

TEST(Settings, KeepNumbersAsTheyAreWritten) {
  EXPECT_THAT(read_with("settings: {eta: 1e-3, scale: 7.50, model.params.linear_end: 1.20e-2}\n").settings,
              ElementsAre(Setting{"ddim_eta", "1e-3"}, Setting{"scale", "7.50"},
                          Setting{"model.params.linear_end", "1.20e-2"}));
}

TEST(Settings, BooleansOfSwitchesAreOnAndOff) {
  for (const char* word : {"on", "true", "Yes", "ON", "'on'"}) {
    EXPECT_THAT(read_with(std::string("settings: {plms: ") + word + "}\n").settings,
                ElementsAre(Setting{"plms", "on"}))
        << word;
  }
  EXPECT_THAT(read_with("settings: {ema: false, mmap: no, plms: Off}\n").settings,
              ElementsAre(Setting{"ema", "off"}, Setting{"mmap", "off"}, Setting{"plms", "off"}));
  EXPECT_THAT(read_with("settings: {ema: config, mmap: auto}\n").settings,
              ElementsAre(Setting{"ema", "config"}, Setting{"mmap", "auto"}));
  EXPECT_THAT(read_with("settings: {negative: true, a.b: yes}\n").settings,
              ElementsAre(Setting{"negative-prompt", "true"}, Setting{"a.b", "yes"}));
}

TEST(Axes, OfACrossAreGroupsOfTheirOwnInTheFilesOrder) {
  const Experiment e = read_with("axes:\n  cross: {steps: [10, 5], scale: 1e1, ema: [on, off]}\n");
  ASSERT_EQ(e.axes.size(), 3u);
  EXPECT_THAT(e.axes[0].names, ElementsAre("ddim_steps"));
  EXPECT_THAT(e.axes[0].points, ElementsAre(Strings{"10"}, Strings{"5"}));
  EXPECT_THAT(e.axes[1].names, ElementsAre("scale"));
  EXPECT_THAT(e.axes[1].points, ElementsAre(Strings{"1e1"}));
  EXPECT_THAT(e.axes[2].points, ElementsAre(Strings{"on"}, Strings{"off"}));
}

TEST(Axes, OfAZipGoTogether) {
  const Experiment e =
      read_with("axes:\n  zip: {steps: [10, 50, 50], eta: [0, 0, 1]}\n  cross: {scale: [1, 2]}\n");
  ASSERT_EQ(e.axes.size(), 2u);
  EXPECT_THAT(e.axes[0].names, ElementsAre("scale")) << "those of cross come first";
  EXPECT_THAT(e.axes[1].names, ElementsAre("ddim_steps", "ddim_eta"));
  EXPECT_THAT(e.axes[1].points, ElementsAre(Strings{"10", "0"}, Strings{"50", "0"}, Strings{"50", "1"}));
}

TEST(Axes, OfSeveralZipsAreSeveralGroups) {
  const Experiment e = read_with("axes:\n  zip:\n  - {H: [64, 128], W: [64, 128]}\n  - {steps: [10, 50]}\n");
  ASSERT_EQ(e.axes.size(), 2u);
  EXPECT_THAT(e.axes[0].names, ElementsAre("H", "W"));
  EXPECT_THAT(e.axes[1].names, ElementsAre("ddim_steps"));
}

TEST(Filters, NameModelsSeedsPromptsAndAxes) {
  const Experiment e = read_text(
      "prompts: [a fox, a cat]\nseeds: [1, 2]\nmodels: [{name: A}, {name: B}]\n"
      "axes: {cross: {steps: [5, 10], plms: [on, off]}}\n"
      "filters:\n"
      "  - exclude: { model: B, seed: [1, 2] }\n"
      "  - only: { ddim-steps: 10, plms: true, prompt: a cat }\n");
  ASSERT_EQ(e.filters.size(), 2u);
  EXPECT_FALSE(e.filters[0].only);
  EXPECT_THAT(e.filters[0].values, ElementsAre(std::pair<std::string, Strings>("model", {"B"}),
                                               std::pair<std::string, Strings>("seed", {"1", "2"})));
  EXPECT_TRUE(e.filters[1].only);
  EXPECT_THAT(e.filters[1].values, ElementsAre(std::pair<std::string, Strings>("ddim_steps", {"10"}),
                                               std::pair<std::string, Strings>("plms", {"on"}),
                                               std::pair<std::string, Strings>("prompt", {"a cat"})));
  EXPECT_THAT(e.filters[1].where, HasSubstr("trial.yaml:7: key 'filters.1.only'"));
}

TEST(Filters, ASettingOfModelsIsTheModelsThatHaveIt) {
  const Experiment e = read_with(
      "models: [{name: A, ema: on}, {name: B, ema: off}, {name: C}, {name: D, ema: off, precision: full}]\n"
      "filters: [{exclude: {ema: off}}, {only: {precision: [full]}}]\n");
  ASSERT_EQ(e.filters.size(), 2u);
  EXPECT_THAT(e.filters[0].values, ElementsAre(std::pair<std::string, Strings>("model", {"B", "D"})));
  EXPECT_THAT(e.filters[1].values, ElementsAre(std::pair<std::string, Strings>("model", {"D"})));
}

TEST(Compare, IsAModelByDefault) {
  const Experiment e = read_with("models: [{name: A}, {name: B}]\ncompare: {to: B}\n");
  ASSERT_TRUE(e.compare.has_value());
  EXPECT_EQ(e.compare->axis, "model");
  EXPECT_EQ(e.compare->to, "B");
  EXPECT_THAT(e.metrics, ElementsAre("psnr", "ssim", "mad"));
}

TEST(Compare, IsAnAxisInAnySpelling) {
  const Experiment steps = read_with("axes: {cross: {steps: [5, 10]}}\ncompare: {axis: steps, to: 10}\n");
  EXPECT_EQ(steps.compare->axis, "ddim_steps");
  EXPECT_EQ(steps.compare->to, "10");
  EXPECT_EQ(read_with("axes: {cross: {ema: [on, off]}}\ncompare: {axis: ema, to: yes}\n").compare->to, "on");
}

TEST(Metrics, AreThoseOfTheList) {
  const Experiment e =
      read_with("models: [{name: A}, {name: B}]\ncompare: {to: A}\nmetrics: [mad, ema_weights, psnr]\n");
  EXPECT_THAT(e.metrics, ElementsAre("mad", "ema_weights", "psnr"));
  EXPECT_THAT(read_with("metrics: [demo_recognition]\n").metrics, ElementsAre("demo_recognition"));
  EXPECT_THAT(read_with("models: [{name: A}]\ncompare: {to: A}\nmetrics: []\n").metrics, IsEmpty());
}

class MetricOfANetwork : public ::testing::TestWithParam<const char*> {};

TEST_P(MetricOfANetwork, IsNotSupported) {
  const std::string error = error_of<NotSupported>(
      [] { read_with(std::string("metrics:\n  - demo_recognition\n  - ") + GetParam() + "\n"); });
  EXPECT_THAT(error, HasSubstr("trial.yaml:4: key 'metrics.1': "));
  EXPECT_THAT(error, HasSubstr(std::string("'") + GetParam() + "'"));
}

INSTANTIATE_TEST_SUITE_P(All, MetricOfANetwork, ::testing::Values("fid", "kid", "clip_score", "lpips"));

TEST(Overrides, ComeFirst) {
  const Experiment e =
      read_text("prompts: [a fox]\nsettings: {scale: 5}\naxes: {cross: {steps: [5, 10]}}\n",
                {"settings.scale=2.50", "axes.cross.steps=[7]", "seeds=[3, 4]", "name=other"});
  EXPECT_THAT(e.settings, ElementsAre(Setting{"scale", "2.50"}));
  EXPECT_THAT(e.axes[0].points, ElementsAre(Strings{"7"}));
  EXPECT_THAT(e.seeds, ElementsAre(3, 4));
  EXPECT_EQ(e.name, "other");
}

TEST(Overrides, AreNamedInMessagesInPlaceOfALine) {
  const std::string value = config_error("prompts: [a fox]\n", {"settings.scale=x"});
  EXPECT_THAT(value,
              HasSubstr("override 'settings.scale=x': key 'settings.scale': --scale: expected a number"));
  EXPECT_THAT(value, ::testing::Not(HasSubstr("trial.yaml")));
  EXPECT_THAT(config_error("prompts: [a fox]\n", {"settigns.scale=1"}),
              HasSubstr("did you mean 'settings'?"));
  EXPECT_THAT(config_error("prompts: [a fox]\n", {"settings"}), HasSubstr("got no equals sign"));
}

TEST(Yaml, IsTheContentWithTheOverrides) {
  const Experiment first =
      read_text("prompts: [a fox, '7']\nsettings: {eta: 1e-3, plms: off}\nseeds: [1]\n", {"seeds=[8]"});
  const Experiment again = read_text(first.yaml);
  EXPECT_THAT(again.seeds, ElementsAre(8));
  EXPECT_EQ(again.settings, first.settings);
  EXPECT_EQ(again.prompts[1].text, "7");
  EXPECT_EQ(again.yaml, first.yaml);
}

TEST(ExperimentFile, ThatIsNotThereIsNamed) {
  EXPECT_THAT(error_of<config::ConfigError>([] { read_experiment("no/such.yaml"); }),
              HasSubstr("no/such.yaml: "));
}

TEST(ExperimentFile, MayNeedANameOfItsOwn) {
  const std::string path = write_file(new_folder() + "/two words.yaml", "prompts: [a fox]\n");
  EXPECT_THAT(error_of<config::ConfigError>([&] { read_experiment(path); }),
              HasSubstr("got 'two words' from the file's name; give the experiment a name"));
  write_file(path, "prompts: [a fox]\nname: words\n");
  EXPECT_EQ(read_experiment(path).name, "words");
}

}  // namespace
}  // namespace ldm::experiments
