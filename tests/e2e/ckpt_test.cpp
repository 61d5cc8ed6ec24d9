// The program ckpt, seen from outside.
#include <ATen/ATen.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <chrono>
#include <csignal>
#include <cstdlib>
#include <filesystem>
#include <nlohmann/json.hpp>
#include <thread>

#include "ldm/checkpoint/open_checkpoint.h"
#include "ldm/checkpoint/writer.h"
#include "tests/e2e/programs.h"
#include "tests/support/files.h"
#include "tests/support/paths.h"
#include "tests/support/restrictions.h"

namespace ldm::testing {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

Outcome ckpt(std::vector<std::string> arguments) {
  arguments.insert(arguments.begin(), program("ckpt"));
  return run_program(arguments);
}

std::string nano() {
  return golden_path("nano_ema_only_f16.ckpt");
}

/// A checkpoint of zeros with more tensors than are written in a moment.
std::string long_checkpoint(const std::string& path) {
  std::vector<checkpoint::NamedTensorSource> sources;
  for (int i = 0; i < 400; ++i) {
    sources.push_back(
        {"model.diffusion_model.input_blocks." + std::to_string(i) + ".weight", at::kFloat, {1 << 18}, [] {
           return at::zeros({1 << 18});
         }});
  }
  checkpoint::write_ckpt(path, sources);
  return path;
}

TEST(Ckpt, HelpIsOnStandardOutput) {
  EXPECT_THAT(ckpt({"--help"}).output, AllOf(HasSubstr("inspect"), HasSubstr("convert")));
  for (const char* command : {"inspect", "convert", "diff", "verify"}) {
    const Outcome outcome = ckpt({command, "--help"});
    EXPECT_EQ(outcome.status, 0);
    EXPECT_THAT(outcome.output, AllOf(HasSubstr(std::string("usage: ckpt ") + command), HasSubstr("--mmap"),
                                      HasSubstr("Exit status: 0")));
    EXPECT_EQ(outcome.error, "");
  }
}

TEST(Ckpt, InspectInWordsAndInJson) {
  const Outcome text = ckpt({"inspect", nano()});
  EXPECT_EQ(text.status, 0) << text.error;
  EXPECT_THAT(text.output,
              AllOf(HasSubstr("pytorch-zip"), HasSubstr("665 tensors"), HasSubstr("looks EMA-only")));
  const Outcome json = ckpt({"inspect", nano(), "--json", "--keys", "--stats"});
  const auto parsed = nlohmann::json::parse(json.output);
  EXPECT_EQ(parsed["ema"]["kind"], "looks_ema_only");
  EXPECT_EQ(parsed["keys"].size(), 665U);
  EXPECT_EQ(parsed["statistics"]["nan"], 0);
}

TEST(Ckpt, InspectHashes) {
  ::setenv("XDG_CACHE_HOME", new_folder().c_str(), 1);
  const Outcome first = ckpt({"inspect", nano(), "--hash", "--json"});
  const Outcome second = ckpt({"inspect", nano(), "--hash", "--json"});
  ::unsetenv("XDG_CACHE_HOME");
  EXPECT_EQ(first.output, second.output);
  const Outcome system = run_program({"/usr/bin/sha256sum", nano()});
  const auto parsed = nlohmann::json::parse(first.output);
  EXPECT_THAT(system.output, HasSubstr(parsed["hash"]["sha256"].get<std::string>()));
}

TEST(Ckpt, ConvertThereAndBackIsTheSame) {
  const std::string folder = new_folder();
  const Outcome there = ckpt({"convert", nano(), folder + "/a.safetensors"});
  EXPECT_EQ(there.status, 0) << there.error;
  EXPECT_EQ(there.output, folder + "/a.safetensors\n");
  EXPECT_EQ(ckpt({"convert", folder + "/a.safetensors", folder + "/b.ckpt"}).status, 0);
  const Outcome diff = ckpt({"diff", nano(), folder + "/b.ckpt"});
  EXPECT_EQ(diff.status, 0) << diff.output << diff.error;
  EXPECT_THAT(diff.output, HasSubstr("665 same, 0 different"));
  EXPECT_EQ(ckpt({"diff", nano(), folder + "/b.ckpt", "--mmap", "off"}).status, 0);
}

TEST(Ckpt, ConvertDeflatesAndDropsTokens) {
  const std::string folder = new_folder();
  const std::string prompts = write_file(folder + "/prompts.txt", "a fox on a red background\n");
  const std::string out = folder + "/small.ckpt";
  const Outcome made = ckpt({"convert", nano(), out, "--deflate", "--only-tokens", prompts});
  ASSERT_EQ(made.status, 0) << made.error;
  EXPECT_LT(std::filesystem::file_size(out), std::filesystem::file_size(nano()));
  EXPECT_THAT(ckpt({"diff", nano(), out}).output, HasSubstr("664 same, 1 different"));
  EXPECT_EQ(ckpt({"convert", nano(), folder + "/a.safetensors", "--deflate"}).status, 2);
  EXPECT_EQ(ckpt({"convert", nano(), folder + "/b.ckpt", "--only-tokens", folder + "/none.txt"}).status, 3);
}

TEST(Ckpt, DiffTellsDifferences) {
  const std::string other = new_folder() + "/bf16.ckpt";
  ASSERT_EQ(ckpt({"convert", nano(), other, "--dtype", "bf16"}).status, 0);
  const Outcome diff = ckpt({"diff", nano(), other, "--limit", "2"});
  EXPECT_EQ(diff.status, 1);
  EXPECT_THAT(diff.output, AllOf(HasSubstr("type float16 and bfloat16"), HasSubstr("more (--limit 0")));
}

TEST(Ckpt, DiffInTroubleEndsWithTwo) {
  for (const auto& arguments :
       std::vector<std::vector<std::string>>{{"diff", nano()},
                                             {"diff", nano(), "/none"},
                                             {"diff", nano(), nano(), "--limit", "-1"},
                                             {"diff", "--ema", nano()}}) {
    const Outcome outcome = ckpt(arguments);
    EXPECT_EQ(outcome.status, 2) << outcome.error;
    EXPECT_THAT(outcome.error, HasSubstr("ckpt: error: "));
  }
}

TEST(Ckpt, VerifyFindsNothingOrSaysWhat) {
  const std::string config = golden_path("nano-inference.yaml");
  const Outcome good = ckpt({"verify", nano(), "--config", config});
  EXPECT_EQ(good.status, 0) << good.output << good.error;
  EXPECT_THAT(good.output, HasSubstr("665 tensors, against " + config + ": nothing found"));

  const std::string path = new_folder() + "/flipped.ckpt";
  std::string bytes = read_file(nano());
  const auto offset = checkpoint::open_checkpoint(nano()).info("model.diffusion_model.out.2.bias").offset;
  bytes[static_cast<std::size_t>(offset)] ^= 1;
  write_file(path, bytes);
  const Outcome bad = ckpt({"verify", path, "--config", config});
  EXPECT_EQ(bad.status, 1);
  EXPECT_THAT(bad.output, AllOf(HasSubstr("checksum: "), HasSubstr("1 finding\n")));
}

TEST(Ckpt, VerifyAgainstAnotherModel) {
  const Outcome outcome = ckpt({"verify", nano(), "--config", golden_path("tiny-inference.yaml")});
  EXPECT_EQ(outcome.status, 1);
  EXPECT_THAT(outcome.output, AllOf(HasSubstr("shape: model.diffusion_model"), HasSubstr("missing: ")));
}

TEST(Ckpt, ConvertReplacesOnlyWhenForced) {
  const std::string out = write_file(new_folder() + "/out.ckpt", "precious");
  EXPECT_EQ(ckpt({"convert", nano(), out}).status, 2);
  EXPECT_EQ(read_file(out), "precious");
  EXPECT_EQ(ckpt({"convert", nano(), out, "--force"}).status, 0);
  EXPECT_EQ(ckpt({"diff", nano(), out}).status, 0);
  const std::string before = read_file(out);
  EXPECT_EQ(ckpt({"convert", out, out, "--force"}).status, 2) << "IN is OUT";
  EXPECT_EQ(read_file(out), before);
}

TEST(Ckpt, ConvertLeavesNothingBehindWhenInterrupted) {
  const std::string folder = new_folder(), in = long_checkpoint(folder + "/in.ckpt");
  Process process({program("ckpt"), "convert", in, folder + "/out.safetensors", "--dtype", "fp16"});
  for (int i = 0; i < 1000 && files_in(folder).size() < 2; ++i) {
    std::this_thread::sleep_for(std::chrono::milliseconds(1));
  }
  process.send_signal(SIGINT);
  process.send_signal(SIGINT);
  const int status = process.wait();
  // On a fast machine the file may be whole already.
  if (status == 0) GTEST_SKIP() << "done before it was interrupted";
  EXPECT_EQ(status, 130) << process.error();
  EXPECT_THAT(process.error(), HasSubstr("interrupted; nothing was written"));
  EXPECT_EQ(files_in(folder), std::vector<std::string>{"in.ckpt"});
}

TEST(Ckpt, ConvertOnAFullDiskLeavesNothingBehind) {
  const SmallDisk disk(1 << 20);
  if (!disk.mounted()) GTEST_SKIP() << "mounting a small file system needs root";
  const Outcome outcome = ckpt({"convert", nano(), disk.path() + "/out.ckpt"});
  EXPECT_EQ(outcome.status, 4) << outcome.error;
  EXPECT_THAT(outcome.error, HasSubstr("bytes free"));
  EXPECT_THAT(files_in(disk.path()), IsEmpty());
}

TEST(Ckpt, ConvertWarnsOfOverflows) {
  const std::string folder = new_folder();
  const at::Tensor large = at::full({3}, 1e6);
  checkpoint::write_ckpt(folder + "/in.ckpt",
                         {{"model.diffusion_model.out.2.bias", at::kFloat, {3}, [large] { return large; }}},
                         0);
  const Outcome outcome = ckpt({"convert", folder + "/in.ckpt", folder + "/out.ckpt", "--dtype", "fp16"});
  EXPECT_EQ(outcome.status, 0);
  EXPECT_THAT(outcome.error, AllOf(HasSubstr("warning: 3 values in 1 tensor too large for fp16"),
                                   HasSubstr("model.diffusion_model.out.2.bias (3)")));
}

}  // namespace
}  // namespace ldm::testing
