#include "ldm/files/output_file.h"

#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cerrno>
#include <filesystem>

#include "ldm/files/error.h"
#include "tests/support/files.h"
#include "tests/support/restrictions.h"

namespace {
/// What the file system of the moment cannot do.
bool no_renameat2 = false, no_link = false;
}  // namespace

// These stand before the C library's, so that a poor file system can be had anywhere.
extern "C" int renameat2(int from_folder, const char* from, int to_folder, const char* to,
                         unsigned flags) noexcept {
  if (!no_renameat2)
    return static_cast<int>(::syscall(SYS_renameat2, from_folder, from, to_folder, to, flags));
  errno = EINVAL;
  return -1;
}

extern "C" int link(const char* from, const char* to) noexcept {
  if (!no_link) return ::linkat(AT_FDCWD, from, AT_FDCWD, to, 0);
  errno = EPERM;
  return -1;
}

namespace ldm::files {
namespace {

using ldm::testing::error_of;
using ldm::testing::files_in;
using ldm::testing::new_folder;
using ldm::testing::read_file;
using ldm::testing::write_file;
using ::testing::AllOf;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

TEST(OutputFile, AppearsOnlyWhenWhole) {
  const std::string folder = new_folder();
  OutputFile file(folder + "/a", 6);
  file.write_at(3, "def");
  ASSERT_EQ(files_in(folder).size(), 1u);
  EXPECT_TRUE(is_temporary_name(files_in(folder)[0])) << files_in(folder)[0];
  file.write_at(0, "abc");
  file.commit();
  EXPECT_THAT(files_in(folder), ElementsAre("a"));
  EXPECT_EQ(read_file(folder + "/a"), "abcdef");
}

TEST(OutputFile, WithoutACommitNothingIsLeft) {
  const std::string folder = new_folder();
  { OutputFile(folder + "/a", 1).write_at(0, "x"); }
  EXPECT_THAT(files_in(folder), IsEmpty());
}

TEST(OutputFile, CommitReplacesAndCommitAsNewDoesNot) {
  const std::string folder = new_folder(), path = write_file(folder + "/a", "old");
  OutputFile file(path, 3);
  file.write_at(0, "new");
  EXPECT_FALSE(file.commit_as_new(path));
  EXPECT_EQ(read_file(path), "old");
  file.commit();
  EXPECT_EQ(read_file(path), "new");
  EXPECT_THAT(files_in(folder), ElementsAre("a"));
}

TEST(OutputFile, ANameInUseMayBeTriedAndAnotherTaken) {
  const std::string folder = new_folder(), path = write_file(folder + "/a", "old");
  OutputFile file(path, 3);
  file.write_at(0, "new");
  EXPECT_FALSE(file.commit_as_new(path));
  EXPECT_TRUE(file.commit_as_new(folder + "/b"));
  EXPECT_THAT(files_in(folder), ElementsAre("a", "b"));
  EXPECT_EQ(read_file(folder + "/b"), "new");
}

TEST(OutputFile, ALinkThatLeadsNowhereIsANameInUse) {
  const std::string folder = new_folder(), path = folder + "/a";
  std::filesystem::create_symlink("/nonexistent", path);
  OutputFile file(path, 0);
  EXPECT_FALSE(file.commit_as_new(path));
  EXPECT_TRUE(std::filesystem::is_symlink(path));
}

TEST(OutputFile, HasThePermissionsOfTheUmask) {
  const std::string path = new_folder() + "/a";
  const mode_t before = ::umask(027);
  write_new_file(path, "x");
  ::umask(before);
  struct stat status {};
  ASSERT_EQ(::stat(path.c_str(), &status), 0);
  EXPECT_EQ(status.st_mode & 0777, 0640u);
}

TEST(OutputFile, RefusesToWriteOutsideItsSize) {
  OutputFile file(new_folder() + "/a", 4);
  const auto error = [&](std::uint64_t offset, std::string_view bytes) {
    return error_of<WriteError>([&] { file.write_at(offset, bytes); });
  };
  EXPECT_EQ(error(1, "abc"), "");
  EXPECT_THAT(error(2, "abc"), HasSubstr("inside the 4 bytes of the file, got 3 bytes at byte 2"));
  EXPECT_NE(error(UINT64_MAX, "a"), "");
}

TEST(OutputFile, FoldersThatAreNotThereAndNamesOfFolders) {
  const std::string folder = new_folder();
  const auto error = [](const std::string& path) {
    return error_of<WriteError>([&] { write_new_file(path, "x"); });
  };
  EXPECT_THAT(error(folder + "/none/a"),
              AllOf(HasSubstr("'" + folder + "/none/a'"), HasSubstr("No such file")));
  EXPECT_THAT(error(folder), HasSubstr("Is a directory"));
  EXPECT_THAT(error("/dev/full/a"), HasSubstr("Not a directory"));
}

TEST(OutputFile, AFolderWithoutTheRightToWriteIsToldOf) {
  const std::string folder = new_folder();
  std::filesystem::permissions(folder, std::filesystem::perms(0555));
  const ldm::testing::WithoutRoot user;
  EXPECT_THAT(error_of<WriteError>([&] { write_new_file(folder + "/a", "x"); }),
              HasSubstr("Permission denied"));
  EXPECT_EQ(error_of<WriteError>([&] { check_writable(folder); }),
            "'" + folder + "': expected a folder that files can be written to, got: Permission denied");
}

TEST(OutputFile, AFullDiskSaysHowMuchIsNeededAndKeepsNothing) {
  const ldm::testing::SmallDisk disk(64 << 10);
  if (!disk.mounted()) GTEST_SKIP() << "mounting a small disk needs root";
  write_new_file(disk.path() + "/fits", std::string(16 << 10, 'x'));
  const std::string error =
      error_of<WriteError>([&] { write_new_file(disk.path() + "/a", std::string(60 << 10, 'x')); });
  EXPECT_THAT(error, AllOf(HasSubstr("'" + disk.path() + "/a'"), HasSubstr("No space left"),
                           HasSubstr("61440 bytes needed, 49152 bytes free")));
  EXPECT_THAT(files_in(disk.path()), ElementsAre("fits"));
  write_new_file(disk.path() + "/fits too", std::string(40 << 10, 'x'));
}

TEST(OutputFile, ALimitOnFilesIsToldOfAsAFullDisk) {
  const std::string folder = new_folder();
  std::string error;
  {
    const ldm::testing::FileSizeLimit limit(1000);
    error = error_of<WriteError>([&] { write_new_file(folder + "/a", std::string(1001, 'x')); });
  }
  EXPECT_THAT(error, HasSubstr("disk full or file too large: 1001 bytes needed"));
  EXPECT_THAT(files_in(folder), IsEmpty());
}

TEST(WriteNewFile, NeverOverwrites) {
  const std::string path = new_folder() + "/a";
  write_new_file(path, "first");
  EXPECT_EQ(error_of<WriteError>([&] { write_new_file(path, "second"); }),
            "'" + path + "': expected a name that is not in use, got one that is: nothing is overwritten");
  EXPECT_EQ(read_file(path), "first");
}

/// How many of the two ways of taking a name without replacing another file are missing.
class PoorFileSystem : public ::testing::TestWithParam<int> {
 protected:
  PoorFileSystem() {
    no_renameat2 = GetParam() > 0;
    no_link = GetParam() > 1;
  }
  ~PoorFileSystem() override { no_renameat2 = no_link = false; }
};

TEST_P(PoorFileSystem, TakesFreeNamesAndNoOthers) {
  const std::string folder = new_folder();
  write_new_file(folder + "/a", "first");
  EXPECT_THAT(error_of<WriteError>([&] { write_new_file(folder + "/a", "second"); }),
              HasSubstr("not in use"));
  EXPECT_THAT(files_in(folder), ElementsAre("a"));
  EXPECT_EQ(read_file(folder + "/a"), "first");
}

TEST_P(PoorFileSystem, AVanishedFolderIsAnError) {
  const std::string folder = new_folder();
  OutputFile file(folder + "/a", 0);
  std::filesystem::remove_all(folder);
  EXPECT_THAT(error_of<WriteError>([&] { file.commit_as_new(folder + "/a"); }), HasSubstr("No such file"));
}

TEST_P(PoorFileSystem, AVanishedTemporaryFileLeavesNoEmptyOne) {
  const std::string folder = new_folder();
  OutputFile file(folder + "/a", 0);
  std::filesystem::remove(folder + "/" + files_in(folder)[0]);
  EXPECT_THAT(error_of<WriteError>([&] { file.commit_as_new(folder + "/a"); }), HasSubstr("No such file"));
  EXPECT_THAT(files_in(folder), IsEmpty());
}

INSTANTIATE_TEST_SUITE_P(Kinds, PoorFileSystem, ::testing::Values(0, 1, 2));

TEST(CheckWritable, LeavesNothing) {
  const std::string folder = new_folder();
  check_writable(folder);
  EXPECT_THAT(files_in(folder), IsEmpty());
}

TEST(IsTemporaryName, KnowsOnlyOurOwn) {
  EXPECT_TRUE(is_temporary_name(".ldm-17.tmp"));
  EXPECT_FALSE(is_temporary_name(".ldm.tmp"));
  EXPECT_FALSE(is_temporary_name("00000.png"));
  EXPECT_FALSE(is_temporary_name("a.tmp"));
  EXPECT_FALSE(is_temporary_name(""));
}

}  // namespace
}  // namespace ldm::files
