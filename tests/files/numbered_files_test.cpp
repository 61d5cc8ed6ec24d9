#include "ldm/files/numbered_files.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/wait.h>
#include <unistd.h>

#include <filesystem>
#include <set>
#include <stdexcept>
#include <thread>
#include <vector>

#include "ldm/files/error.h"
#include "tests/support/files.h"
#include "tests/support/restrictions.h"

namespace ldm::files {
namespace {

using ldm::testing::error_of;
using ldm::testing::files_in;
using ldm::testing::new_folder;
using ldm::testing::read_file;
using ldm::testing::write_file;
using ::testing::ElementsAre;
using ::testing::HasSubstr;

constexpr int kWriters = 4, kEach = 50;

TEST(NumberedFiles, CountsFromTheFirstNumber) {
  const std::string folder = new_folder();
  NumberedFiles files(folder, "grid-%04d.png", 7);
  EXPECT_EQ(files.write("a"), folder + "/grid-0007.png");
  EXPECT_EQ(files.write("b"), folder + "/grid-0008.png");
  EXPECT_THAT(files_in(folder), ElementsAre("grid-0007.png", "grid-0008.png"));
  EXPECT_EQ(read_file(folder + "/grid-0008.png"), "b");
}

TEST(NumberedFiles, SkipsNumbersThatAreInUse) {
  const std::string folder = new_folder();
  write_file(folder + "/00001.png", "old");
  std::filesystem::create_directories(folder + "/00002.png");
  NumberedFiles files(folder, "%05d.png", 1);
  EXPECT_EQ(files.write("new"), folder + "/00003.png");
  write_file(folder + "/00004.png", "somebody else's");
  EXPECT_EQ(files.write("newer"), folder + "/00005.png");
  EXPECT_EQ(read_file(folder + "/00001.png"), "old");
}

TEST(NumberedFiles, NumbersMayOutgrowTheDigits) {
  const std::string folder = new_folder();
  EXPECT_EQ(NumberedFiles(folder, "%02d", 123).write("a"), folder + "/123");
}

TEST(NumberedFiles, RefusesOtherPatterns) {
  for (const char* pattern : {"a.png", "%d", "%05d%05d", "a/%05d", "%05x", "%%05d", ""}) {
    EXPECT_THROW(NumberedFiles("x", pattern, 0), std::invalid_argument) << pattern;
  }
  EXPECT_THROW(NumberedFiles("x", "%05d", -1), std::invalid_argument);
}

TEST(NumberedFiles, AFailureUsesUpNoNumber) {
  const std::string folder = new_folder();
  NumberedFiles files(folder, "%05d", 0);
  {
    const ldm::testing::FileSizeLimit limit(10);
    EXPECT_THAT(error_of<FileError>([&] { files.write(std::string(11, 'x')); }), HasSubstr("disk full"));
  }
  EXPECT_EQ(files.write("x"), folder + "/00000");
  EXPECT_THAT(files_in(folder), ElementsAre("00000"));
}

/// Writes files that say who wrote them; false if one has another's words.
bool write_many(const std::string& folder, int writer) {
  NumberedFiles files(folder, "%03d", 0);
  const std::string words = "writer " + std::to_string(writer);
  std::vector<std::string> paths;
  for (int i = 0; i < kEach; ++i) paths.push_back(files.write(words));
  return std::all_of(paths.begin(), paths.end(),
                     [&](const std::string& path) { return read_file(path) == words; });
}

void expect_all_numbers(const std::string& folder) {
  const std::vector<std::string> names = files_in(folder);
  ASSERT_EQ(names.size(), static_cast<std::size_t>(kWriters * kEach));
  EXPECT_EQ(names.front(), "000");
  EXPECT_EQ(names.back(), std::to_string(kWriters * kEach - 1));
}

TEST(NumberedFiles, ThreadsInOneFolderLoseNothing) {
  const std::string folder = new_folder();
  std::vector<char> good(kWriters);
  std::vector<std::thread> threads;
  for (int i = 0; i < kWriters; ++i)
    threads.emplace_back([&, i] { good[i] = write_many(folder, i) ? 1 : 0; });
  for (std::thread& thread : threads) thread.join();
  EXPECT_THAT(good, ::testing::Each(1));
  expect_all_numbers(folder);
}

TEST(NumberedFiles, ProcessesInOneFolderLoseNothing) {
  const std::string folder = new_folder();
  std::vector<pid_t> children;
  for (int i = 0; i < kWriters; ++i) {
    const pid_t child = ::fork();
    ASSERT_GE(child, 0);
    if (child == 0) ::_exit(write_many(folder, i) ? 0 : 1);
    children.push_back(child);
  }
  for (const pid_t child : children) {
    int status = 0;
    ASSERT_EQ(::waitpid(child, &status, 0), child);
    EXPECT_TRUE(WIFEXITED(status) && WEXITSTATUS(status) == 0) << status;
  }
  expect_all_numbers(folder);
}

}  // namespace
}  // namespace ldm::files
