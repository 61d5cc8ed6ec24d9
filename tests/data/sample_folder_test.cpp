#include "ldm/data/sample_folder.h"

#include <ATen/ATen.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>

#include "ldm/files/error.h"
#include "tests/data/data_test_util.h"
#include "tests/support/files.h"
#include "tests/support/restrictions.h"

namespace ldm::data {
namespace {

using ldm::testing::error_of;
using ldm::testing::files_in;
using ldm::testing::new_folder;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using testing::noise_image;

TEST(SampleFolder, StartsAndContinuesAsTheReference) {
  const std::string outdir = new_folder() + "/outputs/txt2img-samples";
  SampleFolder first = open_sample_folder(outdir);
  EXPECT_EQ(write_png(first.samples, noise_image(2, 2)), outdir + "/samples/00000.png");
  EXPECT_EQ(write_png(first.samples, noise_image(2, 2)), outdir + "/samples/00001.png");
  EXPECT_EQ(write_png(first.grids, noise_image(2, 2)), outdir + "/grid-0000.png");
  SampleFolder second = open_sample_folder(outdir);
  EXPECT_EQ(write_png(second.samples, noise_image(2, 2)), outdir + "/samples/00002.png");
  EXPECT_EQ(write_png(second.grids, noise_image(2, 2)), outdir + "/grid-0001.png");
}

// The reference counts two files and writes over 00002.png.
TEST(SampleFolder, AfterADeletionNothingIsOverwritten) {
  const std::string outdir = new_folder();
  SampleFolder folder = open_sample_folder(outdir);
  const at::Tensor last = noise_image(3, 3);
  for (int i = 0; i < 2; ++i) write_png(folder.samples, noise_image(2, 2));
  write_png(folder.samples, last);
  std::filesystem::remove(outdir + "/samples/00000.png");
  SampleFolder again = open_sample_folder(outdir);
  EXPECT_EQ(write_png(again.samples, noise_image(2, 2)), outdir + "/samples/00003.png");
  EXPECT_TRUE(at::equal(read_png(outdir + "/samples/00002.png").pixels, last));
}

TEST(SampleFolder, OtherFilesCountToo) {
  const std::string outdir = new_folder();
  std::filesystem::create_directories(outdir + "/samples/folder");
  ldm::testing::write_file(outdir + "/notes.txt", "x");
  SampleFolder folder = open_sample_folder(outdir);
  EXPECT_EQ(write_png(folder.samples, noise_image(1, 1)), outdir + "/samples/00001.png");
  EXPECT_EQ(write_png(folder.grids, noise_image(1, 1)), outdir + "/grid-0001.png");
}

TEST(SampleFolder, KeepsTexts) {
  SampleFolder folder = open_sample_folder(new_folder());
  const std::vector<PngText> text{{"parameters", "a cat"}};
  EXPECT_EQ(read_png(write_png(folder.samples, noise_image(1, 1), text)).text, text);
}

TEST(SampleFolder, FoldersThatCannotBeWrittenToAreToldOfAtOnce) {
  const std::string outdir = new_folder();
  std::filesystem::create_directories(outdir + "/samples");
  std::filesystem::permissions(outdir + "/samples", std::filesystem::perms(0555));
  std::filesystem::permissions(outdir, std::filesystem::perms(0777));
  ldm::testing::write_file(outdir + "/file", "x");
  EXPECT_THAT(error_of<files::FileError>([&] { open_sample_folder(outdir + "/file"); }),
              HasSubstr("no folder"));
  const ldm::testing::WithoutRoot user;
  EXPECT_THAT(error_of<files::FileError>([&] { open_sample_folder(outdir); }),
              HasSubstr("'" + outdir + "/samples': expected a folder that files can be written to"));
}

TEST(SampleFolder, AFullDiskKeepsWhatIsWholeAndNothingElse) {
  const ldm::testing::SmallDisk disk(64 << 10);
  if (!disk.mounted()) GTEST_SKIP() << "mounting a small disk needs root";
  SampleFolder folder = open_sample_folder(disk.path());
  const auto fill = [&] {
    for (int i = 0; i < 100; ++i) write_png(folder.samples, noise_image(60, 100));
  };
  EXPECT_THAT(error_of<files::FileError>(fill), HasSubstr("disk full"));
  const std::vector<std::string> names = files_in(disk.path() + "/samples");
  EXPECT_THAT(names, ElementsAre("00000.png", "00001.png", "00002.png"));
  for (const std::string& name : names) {
    EXPECT_TRUE(at::equal(read_png(disk.path() + "/samples/" + name).pixels, noise_image(60, 100))) << name;
  }
}

}  // namespace
}  // namespace ldm::data
