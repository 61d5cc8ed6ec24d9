#include "ldm/pipelines/prompts.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <fstream>

#include "ldm/files/error.h"
#include "tests/support/paths.h"

namespace ldm {
namespace {

using ::testing::ElementsAre;

std::string file_with(const std::string& text) {
  const std::string path = testing::temp_dir() + "/some prompts.txt";
  std::ofstream(path, std::ios::binary) << text;
  return path;
}

TEST(Prompts, BlankLinesAreLeftOut) {
  EXPECT_THAT(read_prompts(file_with("\n a fox \n\n \t\ntwo, foxes\n")),
              ElementsAre(" a fox ", "two, foxes"));
}

TEST(Prompts, AnyLineEndsAndAByteOrderMark) {
  EXPECT_THAT(read_prompts(file_with("\xEF\xBB\xBF"
                                     "a\r\nb\rc\nd")),
              ElementsAre("a", "b", "c", "d"));
}

TEST(Prompts, AFileWithoutPromptsIsAnError) {
  EXPECT_THROW(read_prompts(file_with(" \n\n")), OptionError);
  EXPECT_THROW(read_prompts(file_with("")), files::FileError);
  EXPECT_THROW(read_prompts(testing::temp_dir() + "/none"), files::FileError);
  EXPECT_THROW(read_prompts(testing::temp_dir()), files::FileError);
}

TEST(Prompts, BatchesTakeTheNextOnes) {
  GenerationOptions options;
  options.n_samples = 2;
  options.from_file = file_with("a\nb\nc\nd\ne\n");
  EXPECT_THAT(prompt_batches(options),
              ElementsAre(ElementsAre("a", "b"), ElementsAre("c", "d"), ElementsAre("e")));
}

TEST(Prompts, OnePromptFillsTheBatch) {
  GenerationOptions options;
  options.prompt = "x";
  options.n_samples = 3;
  EXPECT_THAT(prompt_batches(options), ElementsAre(ElementsAre("x", "x", "x")));
}

}  // namespace
}  // namespace ldm
