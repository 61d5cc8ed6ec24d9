#include "ldm/data/datasets/lsun.h"

#include <ATen/ATen.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "ldm/data/png.h"
#include "ldm/data/seeds.h"
#include "ldm/files/error.h"
#include "tests/data/data_test_util.h"
#include "tests/data/datasets/dataset_test_util.h"
#include "tests/support/files.h"

namespace ldm::data {
namespace {

using ldm::testing::error_of;
using ldm::testing::new_folder;
using ldm::testing::write_file;
using testing::dataset_golden;
using testing::get;
using ::testing::HasSubstr;
using testing::image_of;
using testing::png_reader;
using testing::text_of;

struct Case {
  const char* name;
  std::int64_t size;
};

/// The dataset of one image, a golden input.
LSUNBase::Options options_for(const Case& of) {
  LSUNBase::Options options;
  options.data_root = new_folder();
  write_png(options.data_root + "/x.png", dataset_golden(std::string(of.name) + ".in"));
  options.txt_file = write_file(options.data_root + "/list.txt", "x.png\n");
  options.size = of.size;
  options.flip_p = 0.0;
  return options;
}

class LsunGolden : public ::testing::TestWithParam<Case> {};

TEST_P(LsunGolden, IsTheReferencesRecipeBitForBit) {
  const std::string name = GetParam().name;
  LSUNBase::Options options = options_for(GetParam());
  EXPECT_TRUE(at::equal(image_of(get(LSUNBase(options, png_reader()), 0)), dataset_golden(name + ".out")));
  options.interpolation = Filter::bilinear;
  EXPECT_TRUE(
      at::equal(image_of(get(LSUNBase(options, png_reader()), 0)), dataset_golden(name + ".bilinear")));
}

TEST_P(LsunGolden, IsMirroredWhenTorchDrawsSo) {
  const std::string name = GetParam().name;
  LSUNBase::Options options = options_for(GetParam());
  options.flip_p = 0.5;
  const LSUNBase dataset(options, png_reader());
  for (std::uint64_t seed = 0; seed < 6; ++seed) {
    at::Generator torch = make_generator(seed);
    const bool flipped = at::rand({1}, torch).item<float>() < 0.5f;
    EXPECT_TRUE(
        at::equal(image_of(get(dataset, 0, seed)), dataset_golden(name + (flipped ? ".flipped" : ".out"))))
        << seed;
  }
}

INSTANTIATE_TEST_SUITE_P(Sizes, LsunGolden,
                         ::testing::Values(Case{"lsun.0", 16}, Case{"lsun.1", 32}, Case{"lsun.2", 11},
                                           Case{"lsun.3", 16}),
                         [](const auto& param) { return "Case" + std::string(1, param.param.name[5]); });

TEST(LSUN, GivesTheFieldsOfTheReference) {
  LSUNBase::Options options = options_for({"lsun.0", 16});
  options.size.reset();
  const LSUNBase dataset(options, png_reader());
  ASSERT_EQ(dataset.size(), 1);
  const Example example = get(dataset, 0);
  EXPECT_EQ(example.size(), 3u);
  EXPECT_EQ(text_of(example, "relative_file_path_"), "x.png");
  EXPECT_EQ(text_of(example, "file_path_"), options.data_root + "/x.png");
  EXPECT_EQ(image_of(example).sizes(), (at::IntArrayRef{30, 30, 3})) << "no size: the square as it is";
}

TEST(LSUN, ListsFilesInTheirOrderWithoutEmptyLines) {
  LSUNBase::Options options;
  options.data_root = "root";
  options.txt_file = write_file(new_folder() + "/list.txt", "b.png\r\n\na/c.png\n/d.png\n");
  const LSUNBase dataset(options, png_reader());
  ASSERT_EQ(dataset.size(), 3);
  EXPECT_EQ(dataset.name_of(0), "root/b.png");
  EXPECT_EQ(dataset.name_of(1), "root/a/c.png");
  EXPECT_EQ(dataset.name_of(2), "/d.png") << "as Python's os.path.join";
  EXPECT_THAT(error_of<files::FileError>([&] { get(dataset, 0); }), HasSubstr("root/b.png"));
  EXPECT_NE(dataset.fingerprint(), "");
}

TEST(LSUN, OnlyWithoutFlipsAreImagesFixed) {
  LSUNBase::Options options = options_for({"lsun.0", 16});
  EXPECT_TRUE(LSUNBase(options, png_reader()).has_fixed_images());
  const std::string fingerprint = LSUNBase(options, png_reader()).fingerprint();
  options.flip_p = 0.5;
  EXPECT_FALSE(LSUNBase(options, png_reader()).has_fixed_images());
  EXPECT_NE(LSUNBase(options, png_reader()).fingerprint(), fingerprint);
}

TEST(LSUN, SaysWhatIsWrong) {
  LSUNBase::Options options = options_for({"lsun.0", 16});
  options.size = 0;
  EXPECT_THROW(LSUNBase(options, png_reader()), std::invalid_argument);
  options.size = 16;
  options.txt_file = options.data_root + "/none.txt";
  EXPECT_THAT(error_of<files::FileError>([&] { LSUNBase(options, png_reader()); }),
              HasSubstr("none.txt': expected a list of image files (txt_file), got nothing"));
  options.txt_file = write_file(options.data_root + "/list.txt", "\n\n");
  EXPECT_THAT(error_of<files::FileError>([&] { LSUNBase(options, png_reader()); }),
              HasSubstr("only empty lines"));
}

}  // namespace
}  // namespace ldm::data
