#include "ldm/files/new_folder.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>

#include "ldm/files/error.h"
#include "tests/support/files.h"

namespace ldm::files {
namespace {

using ldm::testing::error_of;
using ldm::testing::files_in;
using ldm::testing::new_folder;
using ldm::testing::write_file;
using ::testing::HasSubstr;

TEST(NewFolder, AppearsWhole) {
  const std::string parent = new_folder();
  NewFolder folder(parent + "/out/");  // a slash at the end is no other folder
  write_file(folder.create("inside") + "/file", "x");
  EXPECT_FALSE(std::filesystem::exists(parent + "/out"));
  folder.commit();
  EXPECT_EQ(files_in(parent), std::vector<std::string>{"out"});
  EXPECT_EQ(files_in(parent + "/out/inside"), std::vector<std::string>{"file"});
}

TEST(NewFolder, LeavesNothingWithoutACommit) {
  const std::string parent = new_folder();
  { write_file(NewFolder(parent + "/out").create("inside") + "/file", "x"); }
  EXPECT_TRUE(files_in(parent).empty());
}

TEST(NewFolder, ReplacesAnEmptyFolderOnly) {
  const std::string parent = new_folder();
  std::filesystem::create_directory(parent + "/out");
  NewFolder first(parent + "/out"), second(parent + "/out");
  first.create("of the first");
  first.commit();
  second.create("of the second");
  EXPECT_THAT(error_of<WriteError>([&] { second.commit(); }), HasSubstr("in use"));
  EXPECT_THAT(error_of<WriteError>([&] { NewFolder third(parent + "/out"); }), HasSubstr("in use"));
  EXPECT_EQ(files_in(parent + "/out"), std::vector<std::string>{"of the first"});
}

TEST(NewFolder, DoesNotTakeTheNameOfAFile) {
  const std::string parent = new_folder();
  write_file(parent + "/out", "x");
  EXPECT_THAT(error_of<WriteError>([&] { NewFolder folder(parent + "/out"); }), HasSubstr("in use"));
}

TEST(NewFolder, NeedsAFolderToBeIn) {
  EXPECT_THAT(error_of<WriteError>([&] { NewFolder folder(new_folder() + "/none/out"); }),
              HasSubstr("No such file"));
}

}  // namespace
}  // namespace ldm::files
