#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <ostream>
#include <string>
#include <vector>

#include "ldm/config/config.h"
#include "tests/experiments/experiment_test_util.h"
#include "tests/support/files.h"

namespace ldm::experiments {
namespace {

using ::testing::HasSubstr;

std::string config_error(const std::string& yaml) {
  return testing::error_of<config::ConfigError>([&] { testing::read_text(yaml); });
}

TEST(ExperimentFile, NeedsPrompts) {
  EXPECT_THAT(config_error("seeds: [1]\n"),
              HasSubstr("trial.yaml: expected the key 'prompts', got only the keys seeds"));
}

/// A file that is wrong in one line, and what is said of it. One that has no prompts of its own begins with a
/// line of them.
struct BadFile {
  const char* name;
  std::string yaml;
  int line;
  std::vector<const char*> said;
};

void PrintTo(const BadFile& file, std::ostream* out) {
  *out << file.yaml;
}

class BadFiles : public ::testing::TestWithParam<BadFile> {};

TEST_P(BadFiles, AreRefusedWithTheirPlace) {
  const BadFile& file = GetParam();
  const bool has_prompts = file.yaml.find("prompts") != std::string::npos;
  const std::string error = config_error(has_prompts ? file.yaml : "prompts: [a fox]\n" + file.yaml);
  EXPECT_THAT(error, HasSubstr("trial.yaml:" + std::to_string(file.line) + ": key '"));
  for (const char* said : file.said) EXPECT_THAT(error, HasSubstr(said));
}

const BadFile kBadKeys[]{
    {"UnknownKey",
     "metric: [psnr]\n",
     2,
     {"expected a key that an experiment knows", "did you mean 'metrics'?"}},
    {"NullPrompts", "prompts:\n", 1, {"expected a single value, got null"}},
    {"EmptyPrompts", "prompts: []\n", 1, {"expected at least one value, got an empty list"}},
    {"PromptTwice", "prompts: [a fox, a cat, a fox]\n", 1, {"expected each prompt once, got 'a fox'"}},
    {"PromptWithoutText", "prompts:\n- {negative: x}\n", 2, {"expected the key 'prompt'"}},
    {"PromptWithAnotherKey",
     "prompts:\n- {prompt: a, sed: 1}\n",
     2,
     {"expected a key that a prompt knows", "'sed'"}},
    {"NameWithSlash", "name: a/b\n", 2, {"expected a name of", "got 'a/b'"}},
    {"HiddenName", "name: ..\n", 2, {"got '..'"}},
    {"EmptyName", "name: ''\n", 2, {"got ''"}},
    {"TitleOfTwoLines", "title: \"a\\nb\"\n", 2, {"expected one line of text"}},
    {"OtherProgram", "program: inpaint\n", 2, {"expected txt2img or img2img, got 'inpaint'"}},
    {"SideOutOfRange", "report:\n  picture_side: 31\n", 3, {"expected an integer from 32 to 1024, got 31"}},
    {"NegativeEmbedding", "report:\n  embed_mb: -1\n", 3, {"expected an integer from 0 to ", "got -1"}},
    {"UnknownReportKey", "report:\n  side: 64\n", 3, {"picture_side, embed_mb", "got 'side'"}}};

const BadFile kBadModels[]{
    {"UnknownBase", "model: v2\n", 2, {"expected the name of a base (demo or v1)", "got 'v2'"}},
    {"UnknownBaseInAMap", "model:\n  base: sdxl\n", 3, {"got 'sdxl'"}},
    {"UnknownSettingOfABase", "model:\n  checkpoint: a\n", 3, {"got 'checkpoint'"}},
    {"EmptyModels", "models: []\n", 2, {"expected at least one value, got an empty list"}},
    {"ModelWithoutName", "models:\n- {ema: on}\n", 3, {"expected the key 'name', got only the keys ema"}},
    {"ModelWithAnEmptyName", "models:\n- {name: ''}\n", 3, {"expected one line of text, got an empty one"}},
    {"ModelThatIsNoMap", "models: [EMA]\n", 2, {"expected a map with the key 'name'"}},
    {"ModelNameTwice",
     "models:\n- {name: A}\n- {name: A}\n",
     4,
     {"a name of its own, got 'A' a second time"}},
    {"BadValueOfAModel",
     "models:\n- name: A\n  ema: maybe\n",
     4,
     {"--ema: expected config, on or off, got 'maybe'"}},
    {"ModelAndSetting",
     "settings: {ema: on}\nmodels:\n- {name: A, ema: off}\n",
     4,
     {"expected the option 'ema' in one place, got it under 'settings' and under 'models'"}}};

const BadFile kBadSeeds[]{
    {"EmptySeeds", "seeds: []\n", 2, {"expected at least one value, got an empty list"}},
    {"SeedTwice", "seeds:\n- 1\n- 2\n- 1\n", 5, {"expected each seed once, got 1 a second time"}},
    {"NegativeSeed", "seeds: [-1]\n", 2, {"expected an integer from 0 to 4294967295, got -1"}},
    {"LargeSeed", "seeds: [4294967296]\n", 2, {"got 4294967296"}},
    {"SeedThatIsNoNumber", "seeds: [x]\n", 2, {"expected an integer, got 'x'"}},
    {"NoSeeds", "seeds:\n  from: 1\n  count: 0\n", 4, {"expected an integer from 1 to 100000, got 0"}},
    {"TooManySeeds", "seeds:\n  from: 1\n  count: 100001\n", 4, {"expected an integer from 1 to 100000"}},
    {"SeedsBeyondTheLast",
     "seeds:\n  from: 4294967294\n  count: 3\n",
     4,
     {"expected seeds up to 4294967295"}},
    {"SeedsFromNowhere", "seeds: {count: 3}\n", 2, {"expected the key 'from'"}},
    {"SeedsWithAnotherKey", "seeds: {from: 1, count: 3, step: 2}\n", 2, {"got 'step'"}}};

const BadFile kBadSettings[]{
    {"UnknownSetting", "settings: {scael: 1}\n", 2, {"'scael'", "did you mean scale?"}},
    {"ValueOutOfRange",
     "settings:\n  steps: 0\n",
     3,
     {"--ddim_steps: expected an integer from 1 to 1000, got '0'"}},
    {"IntegerAsPower", "settings: {steps: 1e1}\n", 2, {"--ddim_steps: expected an integer", "got '1e1'"}},
    {"SwitchThatIsNeither", "settings: {plms: 1}\n", 2, {"--plms: expected on or off, got '1'"}},
    {"NullValue", "settings: {scale: }\n", 2, {"expected a single value, got null"}},
    {"ListAsValue", "settings: {scale: [1]}\n", 2, {"expected a single value, got a list"}},
    {"SettingsAsList", "settings: [scale]\n", 2, {"expected a map, got a list"}},
    {"TwoSpellings", "settings:\n  steps: 1\n  ddim-steps: 2\n", 4, {"'ddim_steps' in two spellings"}},
    {"PromptAsSetting", "settings: {prompt: a cat}\n", 2, {"'prompt'", "'prompts'"}},
    {"SeedAsSetting", "settings: {seed: 1}\n", 2, {"'seed'", "'seeds'"}},
    {"OutdirAsSetting", "settings: {outdir: x}\n", 2, {"'outdir'", "--outdir"}},
    {"OptionOfTxt2Img",
     "program: img2img\nsettings: {sampler: plms}\n",
     3,
     {"expected an option of img2img, got 'sampler'"}},
    {"OptionOfImg2Img", "settings: {strength: 0.5}\n", 2, {"expected an option of txt2img, got 'strength'"}},
    {"OverrideThatIsNoYaml",
     "settings:\n  model.x: \"[1\"\n",
     3,
     {"override 'model.x=[1'", "expected valid YAML"}},
    {"OverrideWithoutAKey", "settings:\n  model..x: 1\n", 3, {"got an empty one"}},
    {"NegativeInTwoPlaces",
     "settings: {negative: x}\nprompts: [{prompt: a, negative: b}]\n",
     2,
     {"'negative-prompt' in one place, got it under 'settings' and under 'prompts'"}}};

const BadFile kBadAxes[]{
    {"AxisWithoutKind", "axes:\n  scale: [1]\n", 3, {"(cross, zip), got 'scale'"}},
    {"UnknownAxis", "axes:\n  cross:\n    stepz: [1]\n", 4, {"'stepz'", "did you mean steps?"}},
    {"BadValueOfAnAxis",
     "axes:\n  cross:\n    scale:\n    - 1\n    - x\n",
     6,
     {"key 'axes.cross.scale.1'", "--scale: expected a number, got 'x'"}},
    {"EmptyAxis", "axes:\n  cross: {scale: []}\n", 3, {"expected at least one value, got an empty list"}},
    {"ValueTwice",
     "axes:\n  cross: {scale: [1, 3, 1]}\n",
     3,
     {"expected each value once, got '1' a second time"}},
    {"SameSwitchTwice", "axes:\n  cross: {plms: [on, true]}\n", 3, {"got 'on' a second time"}},
    {"PointTwice", "axes:\n  zip: {steps: [5, 9, 5], eta: [0, 1, 0]}\n", 3, {"got '5, 0' a second time"}},
    {"ZipOfUnequalLengths",
     "axes:\n  zip:\n    steps: [10, 50]\n    eta: [0, 1, 2]\n",
     5,
     {"expected 2 values, as many as 'ddim_steps' has in the same zip, got 3"}},
    {"EmptyZip", "axes:\n  zip: [{}]\n", 3, {"expected options with lists of values, got none"}},
    {"AxisInCrossAndZip",
     "axes:\n  cross: {scale: [1]}\n  zip:\n    scale: [2]\n",
     5,
     {"expected each option in one axis, got 'scale' a second time"}},
    {"AxisInTwoSpellings",
     "axes:\n  cross:\n    steps: [1]\n    ddim_steps: [2]\n",
     5,
     {"got 'ddim_steps' a second time"}},
    {"AxisAndSetting",
     "settings: {steps: 5}\naxes:\n  cross:\n    ddim_steps: [1]\n",
     5,
     {"'ddim_steps' in one place, got it under 'settings' and under 'axes'"}},
    {"AxisAndModel",
     "models: [{name: A, ema: on}]\naxes:\n  cross:\n    ema: [on, off]\n",
     5,
     {"'ema' in one place, got it under 'models' and under 'axes'"}},
    {"NegativeAxisAndPrompt",
     "prompts: [{prompt: a, negative: b}]\naxes:\n  cross:\n    negative: [x, y]\n",
     4,
     {"under 'prompts' and under 'axes'"}},
    {"AmountAsAxis", "axes:\n  cross:\n    n_samples: [1, 2]\n", 4, {"'n_samples'", "'seeds'"}},
    {"SeedAsAxis", "axes:\n  cross:\n    seed: [1, 2]\n", 4, {"'seed'", "'seeds'"}}};

const BadFile kBadFilters[]{
    {"FilterThatIsNeither", "filters:\n- {without: {model: A}}\n", 3, {"'exclude' or 'only', got without"}},
    {"FilterThatIsBoth", "filters:\n- {only: {seed: 42}, exclude: {seed: 42}}\n", 3, {"got only, exclude"}},
    {"EmptyFilter", "filters:\n- only: {}\n", 3, {"expected names with the values that match, got none"}},
    {"FilterByNoAxis",
     "filters:\n- only: {scale: 1}\n",
     3,
     {"expected one of model, prompt, seed, got 'scale'"}},
    {"FilterByNoValue",
     "axes: {cross: {scale: [1, 3]}}\nfilters:\n- only: {scale: 1.0}\n",
     4,
     {"expected a value of 'scale' in this experiment (1, 3), got '1.0'"}},
    {"FilterByNoModel", "models: [{name: A}]\nfilters:\n- only: {model: [A, B]}\n", 4, {"(A), got 'B'"}},
    {"FilterByNoSeed", "filters:\n- only: {seed: 1}\n", 3, {"(42), got '1'"}},
    {"FiltersAsMap", "filters: {only: {seed: 42}}\n", 2, {"expected a list, got a map"}}};

const BadFile kBadComparisons[]{
    {"CompareToNoModel",
     "models: [{name: A}]\ncompare:\n  to: B\n",
     4,
     {"expected a value of 'model'", "(A), got 'B'"}},
    {"CompareToNoValue",
     "axes: {cross: {steps: [5, 10]}}\ncompare:\n  axis: steps\n  to: 50\n",
     5,
     {"(5, 10), got '50'"}},
    {"CompareAlongNoAxis", "compare:\n  axis: scale\n  to: 1\n", 3, {"expected one of model, got 'scale'"}},
    {"CompareAlongSeeds",
     "seeds: [1, 2]\ncompare:\n  axis: seed\n  to: 1\n",
     4,
     {"expected one of model, got 'seed'"}},
    {"CompareToNothing", "compare: {axis: model}\n", 2, {"expected the key 'to'"}},
    {"UnknownMetric", "metrics: [snr]\n", 2, {"expected a metric (psnr, ", "got 'snr'"}},
    {"MetricTwice", "metrics:\n- ema_weights\n- ema_weights\n", 4, {"got 'ema_weights' a second time"}},
    {"MetricsAsText", "metrics: ema_weights\n", 2, {"expected a list, got 'ema_weights'"}},
    {"PairMetricAlone", "metrics: [psnr]\n", 2, {"expected the key 'compare'", "'psnr'"}},
    {"LatentDistanceAlone", "metrics: [latent_distance]\n", 2, {"expected the key 'compare'"}}};

std::string name_of(const ::testing::TestParamInfo<BadFile>& file) {
  return file.param.name;
}

INSTANTIATE_TEST_SUITE_P(Keys, BadFiles, ::testing::ValuesIn(kBadKeys), name_of);
INSTANTIATE_TEST_SUITE_P(Models, BadFiles, ::testing::ValuesIn(kBadModels), name_of);
INSTANTIATE_TEST_SUITE_P(Seeds, BadFiles, ::testing::ValuesIn(kBadSeeds), name_of);
INSTANTIATE_TEST_SUITE_P(Settings, BadFiles, ::testing::ValuesIn(kBadSettings), name_of);
INSTANTIATE_TEST_SUITE_P(Axes, BadFiles, ::testing::ValuesIn(kBadAxes), name_of);
INSTANTIATE_TEST_SUITE_P(Filters, BadFiles, ::testing::ValuesIn(kBadFilters), name_of);
INSTANTIATE_TEST_SUITE_P(Comparisons, BadFiles, ::testing::ValuesIn(kBadComparisons), name_of);

}  // namespace
}  // namespace ldm::experiments
