#include "ldm/weights/file_hash.h"

#include <gtest/gtest.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <stdexcept>

#include "ldm/files/error.h"
#include "ldm/weights/hash_cache.h"
#include "ldm/weights/sha256.h"
#include "tests/support/files.h"

namespace ldm::weights {
namespace {

namespace fs = std::filesystem;
using ldm::testing::new_folder;
using ldm::testing::read_file;
using ldm::testing::write_file;

/// A cache of its own for each test.
class FileHashTest : public ::testing::Test {
 protected:
  FileHashTest() : folder_(new_folder()) { ::setenv("XDG_CACHE_HOME", folder_.c_str(), 1); }
  ~FileHashTest() override { ::unsetenv("XDG_CACHE_HOME"); }

  std::string cache() const { return folder_ + "/ldm/hashes.json"; }

  std::string folder_;
};

TEST(Sha256, VectorsOfTheStandard) {
  const auto hex = [](const std::string& text) {
    Sha256 hash;
    for (const char letter : text) hash.add(&letter, 1);
    return hash.hex();
  };
  EXPECT_EQ(hex(""), "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
  EXPECT_EQ(hex("abc"), "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
  EXPECT_EQ(hex("abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq"),
            "248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1");
  EXPECT_EQ(hex(std::string(1'000'000, 'a')),
            "cdc76e5c9914fb9281a1c7e284d73e67f1809a48a497200e046d39ccc7112cd0");
}

// Expected values: Python's hashlib, with the webui's two ways of naming a file.
TEST_F(FileHashTest, NamesFilesAsTheWebuiDoes) {
  std::string bytes(5'000'000, '\0');
  for (std::size_t i = 0; i < bytes.size(); ++i) bytes[i] = static_cast<char>(i * 7 + i / 1000);
  const FileHash hash = compute_hash(write_file(folder_ + "/file", bytes));
  EXPECT_EQ(hash.sha256, "8a52bc2488eed851fe75fb302b5083ab78c91fc4f54a846d575d2f38184fefa6");
  EXPECT_EQ(hash.short_hash(), hash.sha256.substr(0, 10));
  EXPECT_EQ(hash.old_short, "793bc84f");
}

TEST_F(FileHashTest, AShortFileHasTheOldHashOfNothing) {
  EXPECT_EQ(compute_hash(write_file(folder_ + "/file", "abc")).old_short, "e3b0c442");
}

TEST_F(FileHashTest, IsKeptByPathSizeAndTime) {
  const std::string file = write_file(folder_ + "/file", "abc");
  EXPECT_FALSE(cached_hash(file).has_value());
  const FileHash hash = hash_of(file);
  ASSERT_TRUE(cached_hash(file).has_value());
  EXPECT_EQ(cached_hash(file)->sha256, hash.sha256);
  fs::create_symlink(file, folder_ + "/link");
  EXPECT_TRUE(cached_hash(folder_ + "/link").has_value()) << "a link to the file is the file";

  const auto time = fs::last_write_time(file);
  write_file(file, "abcd");
  fs::last_write_time(file, time);
  EXPECT_FALSE(cached_hash(file).has_value()) << "of another size";
  write_file(file, "abd");
  fs::last_write_time(file, time + std::chrono::nanoseconds(1000));
  EXPECT_FALSE(cached_hash(file).has_value()) << "of another time";
  EXPECT_NE(hash_of(file).sha256, hash.sha256);
}

TEST_F(FileHashTest, ASecondTimeNothingIsRead) {
  const std::string file = write_file(folder_ + "/file", "abc");
  int reports = 0;
  const auto progress = [&](std::uint64_t, std::uint64_t) { ++reports; };
  hash_of(file, progress);
  EXPECT_EQ(reports, 1);
  hash_of(file, progress);
  EXPECT_EQ(reports, 1);
}

TEST_F(FileHashTest, SeveralFilesAreKeptTogether) {
  const std::string one = write_file(folder_ + "/one", "1"), two = write_file(folder_ + "/two", "2");
  hash_of(one);
  hash_of(two);
  EXPECT_TRUE(cached_hash(one) && cached_hash(two));
  EXPECT_EQ(ldm::testing::files_in(folder_ + "/ldm"), std::vector<std::string>{"hashes.json"});
}

TEST_F(FileHashTest, DamagedCachesHoldNothingAndAreReplaced) {
  const std::string file = write_file(folder_ + "/file", "abc");
  hash_of(file);
  const std::string good = read_file(cache());
  std::string lies = good;
  lies.replace(lies.find("ba7816bf"), 8, "XXXXXXXX");
  for (const std::string& bad : {std::string("{\"a\":"), std::string("[]"), std::string("\xff\xfe"), lies,
                                 good.substr(0, good.size() / 2), std::string("{}")}) {
    write_file(cache(), bad);
    EXPECT_FALSE(cached_hash(file).has_value()) << bad;
    EXPECT_EQ(hash_of(file).old_short, "e3b0c442");
    EXPECT_TRUE(cached_hash(file).has_value()) << bad;
  }
}

TEST_F(FileHashTest, WithoutAPlaceForTheCacheItIsComputed) {
  const std::string file = write_file(folder_ + "/file", "abc");
  ::setenv("XDG_CACHE_HOME", "/proc/none", 1);
  EXPECT_EQ(hash_of(file).old_short, "e3b0c442");
  EXPECT_FALSE(cached_hash(file).has_value());
}

TEST_F(FileHashTest, WhatIsNoFileIsRefused) {
  EXPECT_THROW(compute_hash(folder_), files::FileError);
  EXPECT_THROW(compute_hash(folder_ + "/none"), files::FileError);
  EXPECT_FALSE(cached_hash(folder_ + "/none").has_value());
}

TEST_F(FileHashTest, AFileThatGrowsMeanwhileIsRefused) {
  const std::string file = write_file(folder_ + "/file", "abc");
  const auto grow = [&](std::uint64_t done, std::uint64_t) {
    if (done == 3) std::ofstream(file, std::ios::app) << "d";
  };
  const std::string error = ldm::testing::error_of<files::FileError>([&] { compute_hash(file, grow); });
  EXPECT_NE(error.find("changed meanwhile"), std::string::npos) << error;
}

TEST_F(FileHashTest, WhatProgressThrowsEndsIt) {
  const std::string file = write_file(folder_ + "/file", "abc");
  const auto stop = [](std::uint64_t, std::uint64_t) { throw std::logic_error("stop"); };
  EXPECT_THROW(hash_of(file, stop), std::logic_error);
  EXPECT_FALSE(cached_hash(file).has_value());
}

}  // namespace
}  // namespace ldm::weights
