#include "ldm/files/output_folder.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>

#include "ldm/files/error.h"
#include "tests/support/files.h"
#include "tests/support/restrictions.h"

namespace ldm::files {
namespace {

namespace fs = std::filesystem;
using ldm::testing::error_of;
using ldm::testing::new_folder;
using ldm::testing::write_file;
using ::testing::HasSubstr;

std::string create_error(const std::string& path) {
  return error_of<WriteError>([&] { create_output_folder(path); });
}

TEST(CreateOutputFolder, CreatesAllThatIsMissing) {
  const std::string path = new_folder() + "/a/b/c";
  EXPECT_EQ(create_error(path), "");
  EXPECT_TRUE(fs::is_directory(path));
  EXPECT_EQ(create_error(path), "") << "one that is there already";
  EXPECT_EQ(create_error(path + "/"), "") << "with a slash at the end";
}

TEST(CreateOutputFolder, AFileInTheWayIsToldOf) {
  const std::string folder = new_folder();
  write_file(folder + "/file", "x");
  fs::create_symlink("/nonexistent", folder + "/link");
  EXPECT_EQ(
      create_error(folder + "/file"),
      "'" + folder + "/file': expected a folder to write to, got something of that name that is no folder");
  EXPECT_THAT(create_error(folder + "/link"), HasSubstr("that is no folder"));
  EXPECT_THAT(create_error(folder + "/file/below"), HasSubstr("Not a directory"));
  EXPECT_THAT(create_error(""), HasSubstr("an empty name"));
}

TEST(CreateOutputFolder, MissingRightsAreToldOf) {
  const std::string folder = new_folder();
  fs::permissions(folder, fs::perms(0555));
  const ldm::testing::WithoutRoot user;
  EXPECT_THAT(create_error(folder), HasSubstr("Permission denied"));
  EXPECT_THAT(create_error(folder + "/a"), HasSubstr("Permission denied"));
}

TEST(CountEntries, CountsAsPythonsListdir) {
  const std::string folder = new_folder();
  EXPECT_EQ(count_entries(folder), 0);
  write_file(folder + "/a", "");
  write_file(folder + "/.hidden", "");
  fs::create_directories(folder + "/samples");
  EXPECT_EQ(count_entries(folder), 3);
  write_file(folder + "/.ldm-1.tmp", "");
  EXPECT_EQ(count_entries(folder), 3) << "a file that is not whole yet";
  EXPECT_THAT(error_of<FileError>([&] { count_entries(folder + "/none"); }), HasSubstr("No such file"));
}

}  // namespace
}  // namespace ldm::files
