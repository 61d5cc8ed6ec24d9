#include "ldm/cli/generation_command_line.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <algorithm>
#include <functional>

#include "ldm/pipelines/demo_model.h"

namespace ldm::cli {
namespace {

using ::testing::HasSubstr;

/// What a command line comes to.
struct Parsed {
  GenerationOptions options;
  ProgramOptions program;
};

Parsed parse(GenerationKind kind, const std::vector<std::string>& arguments) {
  Parsed parsed{default_options(kind), {}};
  CommandLine line = generation_command_line(parsed.options, parsed.program);
  line.parse(arguments);
  finish_command_line(line, parsed.options, parsed.program);
  return parsed;
}

GenerationOptions txt2img(const std::vector<std::string>& arguments) {
  return parse(GenerationKind::txt2img, arguments).options;
}

GenerationOptions img2img(std::vector<std::string> arguments) {
  arguments.insert(arguments.end(), {"--init-img", "fox.png"});
  return parse(GenerationKind::img2img, arguments).options;
}

template <typename Error = OptionError>
std::string error_of(GenerationKind kind, const std::vector<std::string>& arguments) {
  try {
    parse(kind, arguments);
  } catch (const Error& error) {
    return error.what();
  }
  return "nothing was thrown";
}

std::string txt2img_error(const std::vector<std::string>& arguments) {
  return error_of(GenerationKind::txt2img, arguments);
}

/// What a command line comes to where there are no weights of Stable Diffusion; and what is said then.
struct Turned {
  GenerationOptions options;
  std::string notice;
};

Turned without_weights(GenerationKind kind, const std::vector<std::string>& arguments) {
  Turned turned{default_options(kind), ""};
  turned.options.model.ckpt = "models/no/such/model.ckpt";
  ProgramOptions program;
  CommandLine line = generation_command_line(turned.options, program);
  line.parse(arguments);
  turned.notice = turn_to_demo_model(line, turned.options);
  return turned;
}

TEST(DemoModel, StandsInAtItsOwnSize) {
  const Turned turned = without_weights(GenerationKind::txt2img, {});
  EXPECT_THAT(turned.notice,
              HasSubstr("no weights at models/no/such/model.ckpt: painting with the small demo model"));
  EXPECT_EQ(turned.options.model.config, DemoModel::config);
  EXPECT_EQ(turned.options.model.ckpt, DemoModel::ckpt);
  EXPECT_EQ(turned.options.H, DemoModel::side);
  EXPECT_EQ(turned.options.W, DemoModel::side);
  EXPECT_EQ(turned.options.f, DemoModel::f);
  EXPECT_EQ(turned.options.prompt, DemoModel::prompt);
  EXPECT_EQ(without_weights(GenerationKind::img2img, {}).options.model.picture_side, DemoModel::side);
}

TEST(DemoModel, LeavesWhatWasNamed) {
  const GenerationOptions o =
      without_weights(GenerationKind::txt2img, {"--H", "128", "--prompt", "a cat on red"}).options;
  EXPECT_EQ(o.H, 128);
  EXPECT_EQ(o.W, DemoModel::side);
  EXPECT_EQ(o.prompt, "a cat on red");
  const std::string usual = default_options(GenerationKind::txt2img).prompt;
  EXPECT_EQ(without_weights(GenerationKind::txt2img, {"--from-file", "prompts.txt"}).options.prompt, usual);
}

TEST(DemoModel, GivesWayToAModelThatIsNamed) {
  for (const std::vector<std::string>& arguments : std::vector<std::vector<std::string>>{
           {"--config", "my.yaml"}, {"--ckpt", "my.ckpt"}, {"--ema-ckpt", "my.ckpt"}, {"--laion400m"}}) {
    const Turned turned = without_weights(GenerationKind::txt2img, arguments);
    EXPECT_EQ(turned.notice, "") << arguments.front();
    EXPECT_EQ(turned.options.H, 512) << arguments.front();
    EXPECT_NE(turned.options.model.ckpt, DemoModel::ckpt) << arguments.front();
  }
}

TEST(DemoModel, GivesWayToWeightsInTheirPlace) {
  EXPECT_TRUE(DemoModel::stands_in_for("models/no/such/model.ckpt"));
  EXPECT_FALSE(DemoModel::stands_in_for("README.md"));
  const std::string link = ::testing::TempDir() + "/ldm-link-to-nothing.ckpt";
  ::unlink(link.c_str());
  ASSERT_EQ(::symlink("/no/such/disk/model.ckpt", link.c_str()), 0);
  EXPECT_FALSE(DemoModel::stands_in_for(link)) << "a link to a disk that is not there";
  ::unlink(link.c_str());
}

TEST(Txt2ImgOptions, DefaultsAreTheReferences) {
  const GenerationOptions o = txt2img({});
  EXPECT_EQ(o.prompt, "a painting of a virus monster playing guitar");
  EXPECT_EQ(o.outdir, "outputs/txt2img-samples");
  EXPECT_FALSE(o.skip_grid || o.skip_save || o.plms || o.dpm_solver || o.fixed_code || o.model.laion400m);
  EXPECT_EQ(o.ddim_steps, 50);
  EXPECT_EQ(o.ddim_eta, 0.0);
  EXPECT_EQ(o.n_iter, 2);
  EXPECT_EQ(o.H, 512);
  EXPECT_EQ(o.W, 512);
  EXPECT_EQ(o.C, 4);
  EXPECT_EQ(o.f, 8);
  EXPECT_EQ(o.n_samples, 3);
  EXPECT_EQ(o.n_rows, 0);
  EXPECT_EQ(o.scale, 7.5);
  EXPECT_EQ(o.from_file, "");
  EXPECT_EQ(o.model.config, "configs/stable-diffusion/v1-inference.yaml");
  EXPECT_EQ(o.model.ckpt, "models/ldm/stable-diffusion-v1/model.ckpt");
  EXPECT_EQ(o.seed, 42);
  EXPECT_EQ(o.model.precision, "autocast");
  EXPECT_EQ(chosen_sampler(o), "ddim");
}

TEST(Img2ImgOptions, DefaultsAreTheReferences) {
  const GenerationOptions o = img2img({});
  EXPECT_EQ(o.n_iter, 1);
  EXPECT_EQ(o.n_samples, 2);
  EXPECT_EQ(o.scale, 5.0);
  EXPECT_EQ(o.strength, 0.75);
  EXPECT_EQ(o.outdir, "outputs/img2img-samples");
  EXPECT_EQ(o.ddim_steps, 50);
  EXPECT_EQ(o.init_img, "fox.png");
}

/// An option, a value for it, and whether the options show that it arrived.
struct Case {
  const char* name;
  const char* value;  // nullptr for a switch
  std::function<bool(const GenerationOptions&)> arrived;
};

const std::vector<Case>& shared_cases() {
  static const std::vector<Case> cases{
      {"prompt", "a fox", [](const auto& o) { return o.prompt == "a fox"; }},
      {"negative-prompt", "blur", [](const auto& o) { return o.negative_prompt == "blur"; }},
      {"from-file", "p.txt", [](const auto& o) { return o.from_file == "p.txt"; }},
      {"outdir", "out", [](const auto& o) { return o.outdir == "out"; }},
      {"skip_grid", nullptr, [](const auto& o) { return o.skip_grid; }},
      {"skip_save", nullptr, [](const auto& o) { return o.skip_save; }},
      {"ddim_steps", "7", [](const auto& o) { return o.ddim_steps == 7; }},
      {"fixed_code", nullptr, [](const auto& o) { return o.fixed_code; }},
      {"ddim_eta", "0.5", [](const auto& o) { return o.ddim_eta == 0.5; }},
      {"n_iter", "4", [](const auto& o) { return o.n_iter == 4; }},
      {"C", "16", [](const auto& o) { return o.C == 16; }},
      {"f", "16", [](const auto& o) { return o.f == 16; }},
      {"n_samples", "5", [](const auto& o) { return o.n_samples == 5; }},
      {"n_rows", "2", [](const auto& o) { return o.n_rows == 2; }},
      {"scale", "-3.5", [](const auto& o) { return o.scale == -3.5; }},
      {"config", "c.yaml", [](const auto& o) { return o.model.config == "c.yaml"; }},
      {"ckpt", "c.ckpt", [](const auto& o) { return o.model.ckpt == "c.ckpt"; }},
      {"seed", "4294967295", [](const auto& o) { return o.seed == 4294967295; }},
      {"precision", "full", [](const auto& o) { return o.model.precision == "full"; }},
      {"device", "cuda:1", [](const auto& o) { return o.model.device == "cuda:1"; }},
      {"threads", "2", [](const auto& o) { return o.model.threads == 2; }},
      {"ema", "on", [](const auto& o) { return o.model.ema == "on"; }},
      {"per-image-seeds", nullptr, [](const auto& o) { return o.per_image_seeds; }},
      {"preview", "10", [](const auto& o) { return o.preview == 10; }}};
  return cases;
}

std::vector<Case> cases_of(GenerationKind kind) {
  std::vector<Case> cases = shared_cases();
  if (kind == GenerationKind::img2img) {
    cases.push_back({"strength", "0", [](const auto& o) { return o.strength == 0; }});
    return cases;
  }
  cases.push_back({"H", "1024", [](const auto& o) { return o.H == 1024; }});
  cases.push_back({"W", "640", [](const auto& o) { return o.W == 640; }});
  cases.push_back({"plms", nullptr, [](const auto& o) { return chosen_sampler(o) == "plms"; }});
  cases.push_back({"dpm_solver", nullptr, [](const auto& o) { return chosen_sampler(o) == "dpm_solver"; }});
  cases.push_back({"sampler", "ddpm", [](const auto& o) { return chosen_sampler(o) == "ddpm"; }});
  return cases;
}

class EveryOption : public ::testing::TestWithParam<GenerationKind> {};

TEST_P(EveryOption, ArrivesInBothSpellings) {
  for (const Case& option : cases_of(GetParam())) {
    for (const auto& [from, to] : {std::pair{'_', '-'}, std::pair{'-', '_'}}) {
      std::string name = option.name;
      std::replace(name.begin(), name.end(), from, to);
      std::vector<std::string> arguments{"--" + name};
      if (option.value != nullptr) arguments.emplace_back(option.value);
      const GenerationOptions before = default_options(GetParam());
      EXPECT_FALSE(option.arrived(before)) << name;
      const GenerationOptions after =
          GetParam() == GenerationKind::img2img ? img2img(arguments) : txt2img(arguments);
      EXPECT_TRUE(option.arrived(after)) << name;
    }
  }
}

INSTANTIATE_TEST_SUITE_P(Programs, EveryOption,
                         ::testing::Values(GenerationKind::txt2img, GenerationKind::img2img),
                         [](const auto& kind) {
                           return kind.param == GenerationKind::img2img ? "img2img" : "txt2img";
                         });

TEST(GenerationCommandLine, ProgramOptionsAndOverrides) {
  const Parsed parsed = parse(GenerationKind::txt2img, {"--dry_run", "model.params.timesteps=10"});
  EXPECT_TRUE(parsed.program.dry_run);
  EXPECT_FALSE(parsed.program.interactive);
  EXPECT_EQ(parsed.options.model.overrides, std::vector<std::string>{"model.params.timesteps=10"});
  EXPECT_TRUE(parse(GenerationKind::txt2img, {"--interactive"}).program.interactive);
}

TEST(GenerationCommandLine, HelpAsksForNothingElse) {
  for (const char* spelling : {"--help", "-h"}) {
    Parsed parsed{default_options(GenerationKind::img2img), {}};
    generation_command_line(parsed.options, parsed.program).parse({spelling});
    EXPECT_TRUE(parsed.program.help);
  }
}

TEST(GenerationCommandLine, HelpExplainsBatches) {
  Parsed parsed{default_options(GenerationKind::txt2img), {}};
  const std::string help = generation_command_line(parsed.options, parsed.program).help("");
  EXPECT_THAT(help, HasSubstr("n_iter x n_samples"));
  EXPECT_THAT(help, HasSubstr("costs memory"));
  EXPECT_THAT(help, HasSubstr("(default: ddim)"));
}

TEST(GenerationCommandLine, RefusesContradictions) {
  EXPECT_THAT(txt2img_error({"--prompt", "a", "--from-file", "b"}),
              HasSubstr("--prompt or --from-file, got both"));
  EXPECT_THAT(txt2img_error({"--plms", "--ddim_eta", "0.5"}),
              HasSubstr("--ddim_eta: expected 0 with the sampler plms"));
  EXPECT_THAT(txt2img_error({"--dpm_solver", "--ddim_eta", "1"}), HasSubstr("with the sampler dpm_solver"));
  EXPECT_THAT(txt2img_error({"--plms", "--dpm_solver"}), HasSubstr("got dpm_solver and plms"));
  EXPECT_THAT(txt2img_error({"--plms", "--sampler", "ddim"}), HasSubstr("got ddim and plms"));
  EXPECT_THAT(txt2img_error({"--per-image-seeds", "--fixed_code"}), HasSubstr("got both"));
  EXPECT_THAT(txt2img_error({"--skip_save", "--skip_grid"}), HasSubstr("nothing would be written"));
  EXPECT_THAT(txt2img_error({"--negative-prompt", "x", "--scale", "1"}), HasSubstr("without guidance"));
  EXPECT_THAT(txt2img_error({"--interactive", "--from-file", "x"}),
              HasSubstr("--interactive without --from-file"));
  EXPECT_THAT(txt2img_error({"--interactive", "--prompt", "x"}), HasSubstr("--interactive without --prompt"));
  EXPECT_THAT(txt2img_error({"--interactive", "--dry-run"}), HasSubstr("--interactive without --dry-run"));
  EXPECT_THAT(txt2img_error({"--from-file", ""}), HasSubstr("got an empty name"));
}

TEST(GenerationCommandLine, TheSameSamplerTwiceIsNoContradiction) {
  EXPECT_EQ(chosen_sampler(txt2img({"--plms", "--sampler", "plms"})), "plms");
}

TEST(GenerationCommandLine, RefusesSidesThatAreNoMultiples) {
  EXPECT_THAT(txt2img_error({"--H", "500"}), HasSubstr("--H: expected a multiple of 8 above 0, got 500"));
  EXPECT_THAT(txt2img_error({"--W", "513"}), HasSubstr("--W: expected a multiple of 8"));
  EXPECT_THAT(txt2img_error({"--H", "512", "--f", "12"}), HasSubstr("--H: expected a multiple of 24"));
  EXPECT_EQ(txt2img({"--H", "8", "--W", "72"}).W, 72);
}

TEST(GenerationCommandLine, RefusesWhatImg2imgCannot) {
  const auto error = [](std::vector<std::string> arguments) {
    return error_of(GenerationKind::img2img, arguments);
  };
  EXPECT_THAT(error({}), HasSubstr("expected --init-img"));
  EXPECT_THAT(error({"--init-img", "x", "--plms"}), HasSubstr("expected the sampler ddim, got plms"));
  EXPECT_THAT(error({"--init-img", "x", "--strength", "1.01"}), HasSubstr("expected a number from 0 to 1"));
  EXPECT_THAT(error({"--init-img", "x", "--H", "512"}), HasSubstr("unknown '--H'"));
}

TEST(GenerationCommandLine, TheLaionModelIsNotBuiltYet) {
  EXPECT_THAT(error_of<NotSupported>(GenerationKind::txt2img, {"--laion400m"}), HasSubstr("not built yet"));
}

}  // namespace
}  // namespace ldm::cli
