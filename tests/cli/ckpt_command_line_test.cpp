#include "ldm/cli/ckpt_command_line.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "ldm/cli/ckpt_files.h"
#include "ldm/pipelines/generation_options.h"
#include "tests/support/files.h"

namespace ldm::cli {
namespace {

using ::testing::AllOf;
using ::testing::ElementsAre;
using ::testing::HasSubstr;

TEST(CkptCommandLine, FilesAndOptionsMix) {
  ConvertOptions options;
  CommandLine line = convert_command_line(options);
  line.parse({"--dtype", "fp16", "in=1.ckpt", "--ema=only", "out.safetensors", "--force", "--mmap", "off"});
  EXPECT_THAT(line.files(), ElementsAre("in=1.ckpt", "out.safetensors"));
  EXPECT_EQ(options.dtype, "fp16");
  EXPECT_EQ(options.ema, "only");
  EXPECT_TRUE(options.force);
  EXPECT_EQ(options.open.mmap, "off");
}

TEST(CkptCommandLine, HelpNamesFilesOptionsAndDefaults) {
  ConvertOptions convert;
  EXPECT_THAT(
      convert_command_line(convert).help("END"),
      AllOf(HasSubstr("usage: ckpt convert IN OUT [option...]\n"), HasSubstr("--vae FILE"),
            HasSubstr("(default: by the name of OUT)"), HasSubstr("(default: keep)"), HasSubstr("END")));
  InspectOptions inspect;
  EXPECT_THAT(inspect_command_line(inspect).help(""), AllOf(HasSubstr("--json"), HasSubstr("--ema-ckpt")));
  DiffOptions diff;
  EXPECT_THAT(diff_command_line(diff).help(""), HasSubstr("A B | --ema FILE"));
  VerifyOptions verify;
  EXPECT_THAT(verify_command_line(verify).help(""), HasSubstr("--config YAML"));
}

TEST(CkptCommandLine, CountsFiles) {
  DiffOptions options;
  CommandLine line = diff_command_line(options);
  line.parse({"a", "b"});
  require_files(line, 2, "two files");
  EXPECT_EQ(testing::error_of<OptionError>([&] { require_files(line, 1, "one FILE"); }),
            "expected one FILE, got 'a', 'b'");
}

TEST(CkptCommandLine, DashedNamesAreNoFiles) {
  InspectOptions options;
  CommandLine line = inspect_command_line(options);
  EXPECT_THAT(testing::error_of<OptionError>([&] { line.parse({"-x"}); }), HasSubstr("./-x"));
  EXPECT_THAT(testing::error_of<OptionError>([&] { line.parse({""}); }), HasSubstr("expected FILE"));
}

}  // namespace
}  // namespace ldm::cli
