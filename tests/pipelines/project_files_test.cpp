#include "ldm/pipelines/project_files.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>

#include "ldm/files/error.h"
#include "tests/support/paths.h"

namespace ldm {
namespace {

namespace fs = std::filesystem;
using ::testing::HasSubstr;

/// While it lives, another folder is the current one.
class CurrentFolder {
 public:
  explicit CurrentFolder(const std::string& folder) : before_(fs::current_path()) {
    fs::current_path(folder);
  }
  ~CurrentFolder() { fs::current_path(before_); }

 private:
  fs::path before_;
};

TEST(ProjectFiles, AreFoundAboveTheProgramFromAnywhere) {
  const CurrentFolder elsewhere("/");
  const std::string found = find_project_file("configs/stable-diffusion/v1-inference.yaml");
  EXPECT_TRUE(fs::equivalent(found, testing::project_path("configs/stable-diffusion/v1-inference.yaml")));
}

TEST(ProjectFiles, TheCurrentFolderComesFirst) {
  const CurrentFolder here(testing::temp_dir());
  fs::create_directories("configs/stable-diffusion");
  std::ofstream("configs/stable-diffusion/v1-inference.yaml") << "model: {}\n";
  EXPECT_EQ(find_project_file("configs/stable-diffusion/v1-inference.yaml"),
            "configs/stable-diffusion/v1-inference.yaml");
}

TEST(ProjectFiles, WhatIsNowhereKeepsItsName) {
  EXPECT_EQ(find_project_file("configs/none.yaml"), "configs/none.yaml");
  EXPECT_EQ(find_project_file("/configs/none.yaml"), "/configs/none.yaml");
}

TEST(ProjectFiles, MissingWeightsSayWhereTheyBelong) {
  try {
    find_checkpoint("models/ldm/none/model.ckpt");
    FAIL() << "expected an exception";
  } catch (const files::FileError& error) {
    EXPECT_THAT(error.what(), HasSubstr("expected the weights at 'models/ldm/none/model.ckpt'"));
    EXPECT_THAT(error.what(), HasSubstr("models/README.md"));
  }
}

}  // namespace
}  // namespace ldm
