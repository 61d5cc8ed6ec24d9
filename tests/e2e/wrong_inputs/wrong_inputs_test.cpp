#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <nlohmann/json.hpp>

#include "tests/e2e/programs.h"
#include "tests/e2e/wrong_inputs/files.h"
#include "tests/support/paths.h"

namespace ldm::testing {
namespace {

namespace fs = std::filesystem;
using ::testing::HasSubstr;
using ::testing::Not;

/// A row of table.json.
struct Row {
  std::string name, program;
  std::vector<std::string> arguments;
  int status;
  std::vector<std::string> says;
};

void PrintTo(const Row& row, std::ostream* out) {
  *out << row.name;
}

std::vector<Row> rows() {
  std::ifstream file(project_path("tests/e2e/wrong_inputs/table.json"));
  std::vector<Row> list;
  for (const auto& row : nlohmann::json::parse(file)) {
    list.push_back({row.at("name"), row.value("program", "txt2img"), row.at("arguments"), row.at("status"),
                    row.at("says")});
  }
  return list;
}

/// The program that paints gets the small model and a folder of its own; the one for weights only its
/// arguments.
std::vector<std::string> command_of(const Row& row) {
  std::vector<std::string> arguments;
  if (row.program != "ckpt") {
    arguments = {"--outdir", temp_dir() + "/out " + row.name, "--ddim_steps", "2", "--n_iter", "1"};
  }
  for (const std::string& argument : row.arguments) arguments.push_back(with_files(argument));
  if (row.program != "ckpt") return on_tiny(row.program, arguments);
  arguments.insert(arguments.begin(), program(row.program));
  return arguments;
}

class WrongInput : public ::testing::TestWithParam<Row> {};

TEST_P(WrongInput, IsRefusedInWords) {
  const Row& row = GetParam();
  const Outcome outcome = run_program(command_of(row));
  EXPECT_EQ(outcome.status, row.status) << outcome.error;
  for (const std::string& words : row.says) EXPECT_THAT(outcome.error, HasSubstr(with_files(words)));
  EXPECT_THAT(outcome.error, HasSubstr(row.program + ": error: "));
  EXPECT_EQ(outcome.output, "") << "nothing may be made";
  for (const char* internal : {"terminate called", "frame #", "c10::", "std::", "at::"}) {
    EXPECT_THAT(outcome.error, Not(HasSubstr(internal)));
  }
}

INSTANTIATE_TEST_SUITE_P(Table, WrongInput, ::testing::ValuesIn(rows()),
                         [](const auto& row) { return row.param.name; });

TEST(WrongInputs, AreAtLeastForty) {
  EXPECT_GE(rows().size(), 40U);
}

}  // namespace
}  // namespace ldm::testing
