#include "ldm/files/input_file.h"

#include <gtest/gtest.h>
#include <sys/stat.h>

#include <filesystem>

#include "ldm/files/error.h"
#include "tests/support/files.h"
#include "tests/support/restrictions.h"

namespace ldm::files {
namespace {

using ldm::testing::error_of;
using ldm::testing::new_folder;
using ldm::testing::write_file;

std::string read_error(const std::string& path, std::uint64_t limit = 100) {
  return error_of<FileError>([&] { read_file(path, "a thing", limit); });
}

TEST(ReadFile, GivesAllBytes) {
  const std::string bytes("a\0b\r\n\xFF", 6);
  EXPECT_EQ(read_file(write_file(new_folder() + "/a", bytes), "a thing", 6), bytes);
}

TEST(ReadFile, SaysWhatCannotBeRead) {
  const std::string folder = new_folder(), fifo = folder + "/fifo";
  const auto expected = [](const std::string& path, const std::string& got) {
    return "'" + path + "': expected a thing, got " + got;
  };
  ASSERT_EQ(::mkfifo(fifo.c_str(), 0600), 0);
  const std::string empty = write_file(folder + "/empty", ""),
                    large = write_file(folder + "/large", "1234567");
  EXPECT_EQ(read_error(folder + "/none"), expected(folder + "/none", "nothing: there is no such file"));
  EXPECT_EQ(read_error(folder), expected(folder, "a directory: name a file inside it"));
  EXPECT_EQ(read_error(fifo), expected(fifo, "something that is not a regular file (a pipe or a device)"));
  EXPECT_EQ(read_error(empty), expected(empty, "an empty file"));
  EXPECT_EQ(read_error(large, 6), expected(large, "7 bytes, which is more than 6"));
  EXPECT_EQ(read_error(large, 7), "");
  std::filesystem::permissions(large, std::filesystem::perms::none);
  const ldm::testing::WithoutRoot user;
  EXPECT_EQ(read_error(large), expected(large, "an error on opening it: Permission denied"));
}

}  // namespace
}  // namespace ldm::files
