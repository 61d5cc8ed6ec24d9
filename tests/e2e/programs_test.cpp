// What the programs do around their pictures, seen from outside.
#include <ATen/ATen.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <csignal>
#include <filesystem>
#include <fstream>

#include "ldm/data/png.h"
#include "tests/e2e/programs.h"
#include "tests/support/files.h"
#include "tests/support/paths.h"
#include "tests/support/pictures.h"
#include "tests/support/restrictions.h"

namespace ldm::testing {
namespace {

namespace fs = std::filesystem;
using ::testing::AllOf;
using ::testing::ElementsAre;
using ::testing::EndsWith;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;
using ::testing::SizeIs;

/// A small and quick run: one picture of 64x64 in three steps.
std::vector<std::string> quick(const std::string& outdir, const std::vector<std::string>& more = {}) {
  std::vector<std::string> arguments{"--outdir",     outdir, "--H",      "64", "--W",         "64",
                                     "--ddim_steps", "3",    "--n_iter", "1",  "--n_samples", "1"};
  arguments.insert(arguments.end(), more.begin(), more.end());
  return on_tiny("txt2img", arguments);
}

/// The same with many steps, so that it lasts until it is stopped.
std::vector<std::string> lasting(const std::string& outdir) {
  return quick(outdir, {"--ddim_steps", "200", "--n_iter", "50"});
}

std::string text_of(const std::string& png, const std::string& keyword) {
  for (const data::PngText& text : data::read_png(png).text) {
    if (text.keyword == keyword) return text.text;
  }
  return "";
}

TEST(Programs, HelpIsOnStandardOutput) {
  for (const char* name : {"txt2img", "img2img"}) {
    const Outcome outcome = run_program({program(name), "--help"});
    EXPECT_EQ(outcome.status, 0);
    EXPECT_THAT(outcome.output, AllOf(HasSubstr("--n_iter"), HasSubstr("Exit status"), HasSubstr(name)));
    EXPECT_EQ(outcome.error, "");
  }
}

TEST(Programs, PlanAndModelGoToStandardError) {
  const std::string out = new_folder();
  const Outcome outcome = run_program(quick(out));
  EXPECT_EQ(outcome.status, 0);
  EXPECT_THAT(outcome.error, AllOf(HasSubstr("1 picture of 64x64"), HasSubstr("3 steps of ddim"),
                                   HasSubstr("tensors mapped"), HasSubstr("step 3/3"), HasSubstr("it/s"),
                                   HasSubstr("done: 1 picture")));
  EXPECT_THAT(lines(outcome.output), ElementsAre(out + "/samples/00000.png", out + "/grid-0000.png"));
}

TEST(Programs, ADryRunWritesNothing) {
  const std::string out = new_folder() + "/none";
  const Outcome outcome = run_program(quick(out, {"--dry-run", "--n_samples", "3"}));
  EXPECT_EQ(outcome.status, 0);
  EXPECT_THAT(outcome.error, AllOf(HasSubstr("3 pictures of 64x64"), HasSubstr("GiB of memory")));
  EXPECT_FALSE(fs::exists(out));
  EXPECT_EQ(outcome.output, "");
}

TEST(Programs, EqualInputsGiveEqualFiles) {
  const std::string one = new_folder(), two = new_folder();
  run_program(quick(one));
  run_program(quick(two));
  EXPECT_EQ(read_file(one + "/samples/00000.png"), read_file(two + "/samples/00000.png"));
  EXPECT_EQ(read_file(one + "/grid-0000.png"), read_file(two + "/grid-0000.png"));
}

TEST(Programs, PicturesCarryTheirParametersAndNoPath) {
  const std::string out = new_folder();
  run_program(quick(out, {"--prompt", "a red fox", "--negative-prompt", "blur", "--seed", "7"}));
  const std::string png = out + "/samples/00000.png";
  EXPECT_THAT(text_of(png, "parameters"),
              AllOf(HasSubstr("a red fox\nNegative prompt: blur\nSteps: 3, Sampler: DDIM"),
                    HasSubstr("Seed: 7"), HasSubstr("Size: 64x64"), HasSubstr("Model: tiny")));
  EXPECT_THAT(read_file(png), Not(HasSubstr(temp_dir())));
}

TEST(Programs, PicturesCarryTheHashOfTheWeightsOnceItIsKnown) {
  ::setenv("XDG_CACHE_HOME", new_folder().c_str(), 1);
  const std::string before = new_folder(), asked = new_folder(), after = new_folder();
  run_program(quick(before));
  const Outcome outcome = run_program(quick(asked, {"--model-hash"}));
  ASSERT_EQ(outcome.status, 0) << outcome.error;
  run_program(quick(after));
  ::unsetenv("XDG_CACHE_HOME");
  const Outcome sum = run_program({"/usr/bin/sha256sum", tiny_checkpoint()});
  const std::string expected = "Model hash: " + sum.output.substr(0, 10) + ",";
  EXPECT_THAT(text_of(before + "/samples/00000.png", "parameters"), Not(HasSubstr("Model hash")));
  EXPECT_THAT(text_of(asked + "/samples/00000.png", "parameters"), HasSubstr(expected));
  EXPECT_THAT(text_of(after + "/samples/00000.png", "parameters"), HasSubstr(expected));
}

TEST(Programs, NothingIsOverwritten) {
  const std::string out = new_folder();
  run_program(quick(out));
  const std::string first = read_file(out + "/samples/00000.png");
  fs::rename(out + "/samples/00000.png", out + "/samples/00001.png");  // one entry, whose number is next
  const Outcome outcome = run_program(quick(out, {"--seed", "8"}));
  EXPECT_THAT(files_in(out + "/samples"), ElementsAre("00001.png", "00002.png"));
  EXPECT_EQ(read_file(out + "/samples/00001.png"), first);
  EXPECT_THAT(lines(outcome.output), ElementsAre(EndsWith("00002.png"), EndsWith("grid-0001.png")));
}

TEST(Programs, ASecondRunGoesOnCounting) {
  const std::string out = new_folder();
  run_program(quick(out));
  run_program(quick(out));
  EXPECT_THAT(files_in(out + "/samples"), ElementsAre("00000.png", "00001.png"));
  EXPECT_THAT(files_in(out), ElementsAre("grid-0000.png", "grid-0001.png", "samples"));
}

TEST(Programs, AFileOfPromptsWithARemainder) {
  const std::string out = new_folder();
  const std::string prompts = write_file(new_folder() + "/prompts.txt", "a fox\n\na crow\r\na hare\n");
  const Outcome outcome = run_program(quick(out, {"--from-file", prompts, "--n_samples", "2"}));
  ASSERT_EQ(outcome.status, 0) << outcome.error;
  ASSERT_THAT(files_in(out + "/samples"), SizeIs(3));
  const char* expected[] = {"a fox", "a crow", "a hare"};
  for (int i = 0; i < 3; ++i) {
    EXPECT_THAT(text_of(out + "/samples/0000" + std::to_string(i) + ".png", "parameters"),
                ::testing::StartsWith(expected[i]));
  }
  EXPECT_EQ(pixels(out + "/grid-0000.png").sizes(), (std::vector<std::int64_t>{134, 134, 3}));
}

TEST(Programs, PerImageSeeds) {
  const std::string batch = new_folder(), single = new_folder();
  run_program(quick(batch, {"--n_samples", "3", "--per-image-seeds", "--ddim_eta", "0.5", "--seed", "10"}));
  run_program(quick(single, {"--ddim_eta", "0.5", "--seed", "12"}));
  EXPECT_TRUE(nearly_equal(pixels(batch + "/samples/00002.png"), pixels(single + "/samples/00000.png")));
}

TEST(Programs, PreviewsHaveAFolderOfTheirOwn) {
  const std::string out = new_folder();
  run_program(quick(out, {"--preview", "2", "--ddim_steps", "8"}));
  EXPECT_THAT(files_in(out + "/previews"), ElementsAre("00000.png", "00001.png", "00002.png"));
}

TEST(Programs, TruncatedTextIsShown) {
  std::string prompt = "a fox";
  for (int i = 0; i < 80; ++i) prompt += " crow";
  const Outcome outcome = run_program(quick(new_folder(), {"--prompt", prompt}));
  EXPECT_THAT(outcome.error, HasSubstr("does not see: 'crow crow crow crow crow crow crow'"));
}

TEST(Programs, RelativePathsOfTheProjectWorkFromAnywhere) {
  const Outcome outcome =
      run_program({program("txt2img"), "--dry-run", "--ckpt", tiny_checkpoint()}, "", "/");
  EXPECT_EQ(outcome.status, 0) << outcome.error;
  EXPECT_THAT(outcome.error, HasSubstr("6 pictures of 512x512 in 2 batches\n  50 steps of ddim"));
}

TEST(Interactive, MakesThePicturesOfSingleRuns) {
  const std::string session = new_folder(), single = new_folder();
  std::vector<std::string> command = quick(session, {"--interactive"});
  const Outcome outcome = run_program(command, "a fox\n--H 100\n--seed 9\n\na crow\n");
  EXPECT_EQ(outcome.status, 0) << outcome.error;
  EXPECT_THAT(outcome.error, AllOf(HasSubstr("--H: expected a multiple of 8"), HasSubstr("seed 9: set")));
  run_program(quick(single, {"--prompt", "a fox"}));
  run_program(quick(single, {"--prompt", "a crow", "--seed", "9"}));
  for (const char* name : {"/samples/00000.png", "/samples/00001.png"}) {
    EXPECT_EQ(read_file(session + name), read_file(single + name)) << name;
  }
}

TEST(Interactive, LoadsTheModelOnce) {
  const Outcome outcome = run_program(quick(new_folder(), {"--interactive"}), "a\nb\nc\n");
  const std::string sign = "tensors mapped";
  const std::size_t first = outcome.error.find(sign);
  ASSERT_NE(first, std::string::npos);
  EXPECT_EQ(outcome.error.find(sign, first + 1), std::string::npos);
  EXPECT_THAT(lines(outcome.output), SizeIs(6));
}

TEST(Interrupts, TheFirstFinishesThePicture) {
  const std::string out = new_folder();
  Process process(lasting(out));
  ASSERT_TRUE(process.wait_for_error("step 20/200"));
  process.send_signal(SIGINT);
  EXPECT_EQ(process.wait(), 130) << process.error();
  EXPECT_THAT(process.error(),
              AllOf(HasSubstr("Ctrl-C again"), HasSubstr("step 200/200"), HasSubstr("stopped: 1 picture")));
  EXPECT_THAT(files_in(out + "/samples"), ElementsAre("00000.png"));
  EXPECT_THAT(files_in(out), ElementsAre("grid-0000.png", "samples"));
}

TEST(Interrupts, TheSecondAborts) {
  const std::string out = new_folder();
  Process process(lasting(out));
  ASSERT_TRUE(process.wait_for_error("step 20/200"));
  process.send_signal(SIGINT);
  ASSERT_TRUE(process.wait_for_error("Ctrl-C again"));
  process.send_signal(SIGINT);
  EXPECT_EQ(process.wait(), 130);
  EXPECT_THAT(process.error(), Not(HasSubstr("step 200/200")));
  EXPECT_THAT(files_in(out + "/samples"), IsEmpty());
}

TEST(Interrupts, AnInteractiveSessionGoesOn) {
  const std::string out = new_folder();
  std::vector<std::string> command = lasting(out);
  command.emplace_back("--interactive");
  Process process(command);
  process.write_input("a fox\n");
  ASSERT_TRUE(process.wait_for_error("step 20/200"));
  process.send_signal(SIGINT);
  ASSERT_TRUE(process.wait_for_error("stopped: 1 picture"));
  process.write_input("--ddim_steps 2\n--n_iter 1\na crow\n");
  EXPECT_EQ(process.wait(), 0) << process.error();
  EXPECT_THAT(files_in(out + "/samples"), ElementsAre("00000.png", "00001.png"));
}

TEST(CutWeights, EndTheRunWithTheFilesName) {
  for (const char* threads : {"1", "2"}) {
    const std::string out = new_folder(), weights = new_folder() + "/copy.ckpt";
    fs::copy_file(tiny_checkpoint(), weights);
    std::vector<std::string> command = lasting(out);
    std::find(command.begin(), command.end(), "--threads")[1] = threads;
    command.insert(command.end(), {"--ckpt", weights, "--mmap", "on"});
    Process process(command);
    ASSERT_TRUE(process.wait_for_error("step 20/200"));
    fs::resize_file(weights, 4096);
    EXPECT_EQ(process.wait(), 3) << process.error();
    EXPECT_THAT(process.error(), AllOf(HasSubstr(weights), HasSubstr("cut short")));
    EXPECT_THAT(files_in(out + "/samples"), IsEmpty());
  }
}

TEST(CutWeights, AreNoMatterOnceTheyWereRead) {
  const std::string out = new_folder(), weights = new_folder() + "/copy.ckpt";
  fs::copy_file(tiny_checkpoint(), weights);
  std::vector<std::string> command = quick(out, {"--ddim_steps", "200", "--ckpt", weights, "--mmap", "off"});
  Process process(command);
  ASSERT_TRUE(process.wait_for_error("step 20/200"));
  fs::resize_file(weights, 4096);
  EXPECT_EQ(process.wait(), 0) << process.error();
  EXPECT_THAT(process.error(), HasSubstr("copied (read, not mapped)"));
  EXPECT_THAT(files_in(out + "/samples"), ElementsAre("00000.png"));
}

TEST(FullDisk, LeavesWholeFilesAndSaysSo) {
  // Room for one picture and a bit: 64x64 noise takes about 12 kB.
  const SmallDisk disk(32 << 10);
  if (!disk.mounted()) GTEST_SKIP() << "mounting a small file system needs root";
  const Outcome outcome = run_program(quick(disk.path(), {"--n_iter", "6"}));
  EXPECT_EQ(outcome.status, 4) << outcome.error;
  EXPECT_THAT(outcome.error, AllOf(HasSubstr("--outdir"), HasSubstr("bytes free")));
  const std::vector<std::string> samples = files_in(disk.path() + "/samples");
  ASSERT_THAT(samples, Not(IsEmpty()));
  EXPECT_THAT(lines(outcome.output), SizeIs(samples.size()));
  for (const std::string& name : samples) {
    EXPECT_EQ(pixels(disk.path() + "/samples/" + name).sizes(), (std::vector<std::int64_t>{64, 64, 3}))
        << name;
  }
}

}  // namespace
}  // namespace ldm::testing
