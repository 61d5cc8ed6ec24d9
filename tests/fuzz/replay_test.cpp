#include <gtest/gtest.h>
#include <unistd.h>

#include <algorithm>
#include <filesystem>
#include <memory>
#include <string>
#include <vector>

#include "ldm/checkpoint/mapped_file.h"
#include "ldm/checkpoint/open_checkpoint.h"
#include "tests/fuzz/targets.h"
#include "tests/support/files.h"
#include "tests/support/paths.h"

namespace ldm::fuzz {
namespace {

namespace fs = std::filesystem;

// A fuzzer calls an input that takes longer a finding; here the alarm ends the process.
constexpr unsigned kMaxSeconds = 5;

struct Target {
  const char* name;
  void (*run)(std::string_view input);
};
constexpr Target kTargets[] = {{"zip", fuzz_checkpoint},         {"legacy", fuzz_checkpoint},
                               {"safetensors", fuzz_checkpoint}, {"index", fuzz_index},
                               {"pickle", fuzz_pickle},          {"yaml", fuzz_yaml}};

/// A file in tests/fuzz/KIND/TARGET.
struct Input {
  Target target;
  std::string kind;  // "seeds" or "regressions"
  std::string path;
};

std::vector<Input> inputs(const std::vector<std::string>& kinds) {
  std::vector<Input> all;
  for (const std::string& kind : kinds) {
    for (const Target& target : kTargets) {
      const std::string folder = testing::project_path("tests/fuzz/" + kind + "/" + target.name);
      if (!fs::is_directory(folder)) continue;
      for (const std::string& name : testing::files_in(folder)) {
        all.push_back({target, kind, folder + "/" + name});
      }
    }
  }
  return all;
}

/// GoogleTest's names are of letters and digits.
std::string test_name(const ::testing::TestParamInfo<Input>& info) {
  std::string name =
      info.param.kind + "_" + info.param.target.name + "_" + fs::path(info.param.path).filename().string();
  std::replace_if(
      name.begin(), name.end(), [](unsigned char c) { return std::isalnum(c) == 0; }, '_');
  return name;
}

class ReplayTest : public ::testing::TestWithParam<Input> {};

/// What the fuzzers have found once, and what they start from, with the compiler of the day.
TEST_P(ReplayTest, IsReadOrRefused) {
  const std::string bytes = testing::read_file(GetParam().path);
  // Memory of just that size, so that a sanitizer sees the first byte beyond.
  const std::unique_ptr<char[]> exact(new char[bytes.size()]);
  std::copy(bytes.begin(), bytes.end(), exact.get());
  alarm(kMaxSeconds);
  EXPECT_NO_THROW(GetParam().target.run({exact.get(), bytes.size()}));
  alarm(0);
}

INSTANTIATE_TEST_SUITE_P(Files, ReplayTest, ::testing::ValuesIn(inputs({"seeds", "regressions"})), test_name);

/// A seed that the reader refuses at the door leads a fuzzer nowhere.
TEST(Seeds, OfCheckpointsAreWhole) {
  std::size_t count = 0;
  for (const Input& input : inputs({"seeds"})) {
    if (input.target.run != fuzz_checkpoint) continue;
    const std::string bytes = testing::read_file(input.path);
    EXPECT_NO_THROW(checkpoint::read_checkpoint(checkpoint::MappedFile::from_bytes(bytes, input.path)))
        << input.path;
    ++count;
  }
  EXPECT_GE(count, 10u);
}

}  // namespace
}  // namespace ldm::fuzz
