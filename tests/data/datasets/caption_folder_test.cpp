#include "ldm/data/datasets/caption_folder.h"

#include <ATen/ATen.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <chrono>
#include <filesystem>
#include <set>
#include <stdexcept>

#include "ldm/data/error.h"
#include "tests/data/data_test_util.h"
#include "tests/data/datasets/dataset_test_util.h"
#include "tests/support/files.h"

namespace ldm::data {
namespace {

using ldm::testing::error_of;
using ldm::testing::new_folder;
using ldm::testing::write_file;
using testing::get;
using ::testing::HasSubstr;
using testing::image_of;
using testing::noise_image;
using testing::png_reader;
using testing::text_of;
using testing::write_pictures;

/// The options for a folder with a.png (and its caption) of this size.
CaptionFolder::Options options_for(std::int64_t height, std::int64_t width) {
  CaptionFolder::Options options;
  options.data_root = write_pictures(new_folder(), {"a.png"}, height, width);
  write_file(options.data_root + "/a.txt", "first\nsecond\nthird\n");
  return options;
}

TEST(CaptionFolder, GivesTheFieldsOfTheReference) {
  const CaptionFolder dataset(options_for(6, 8), png_reader());
  ASSERT_EQ(dataset.size(), 1);
  const Example example = get(dataset, 0);
  EXPECT_EQ(example.size(), 4u);
  EXPECT_EQ(text_of(example, "file_path_"), dataset.name_of(0));
  EXPECT_EQ(text_of(example, "relative_file_path_"), "a.png");
  EXPECT_TRUE(at::equal(image_of(example), to_model_range(noise_image(6, 8)))) << "no size: as it is";
  EXPECT_THROW(get(dataset, 1), std::out_of_range);
}

TEST(CaptionFolder, DrawsOneOfTheCaptionsEachTime) {
  const CaptionFolder dataset(options_for(6, 8), png_reader());
  std::set<std::string> drawn;
  for (std::uint64_t seed = 0; seed < 40; ++seed) {
    drawn.insert(text_of(get(dataset, 0, seed), "caption"));
    EXPECT_EQ(text_of(get(dataset, 0, seed), "caption"), text_of(get(dataset, 0, seed), "caption"));
  }
  EXPECT_EQ(drawn, (std::set<std::string>{"first", "second", "third"}));
}

TEST(CaptionFolder, ResizesTheSquareInTheMiddle) {
  CaptionFolder::Options options = options_for(9, 14);
  options.size = 4;
  options.interpolation = Filter::lanczos;
  const CaptionFolder dataset(options, png_reader());
  const at::Tensor square = noise_image(9, 14).slice(1, 2, 11);
  EXPECT_TRUE(
      at::equal(image_of(get(dataset, 0)), to_model_range(pillow_resize(square, 4, 4, Filter::lanczos))));
  EXPECT_TRUE(dataset.has_fixed_images());
}

TEST(CaptionFolder, CropSizeCutsOutOfTheResizedImage) {
  CaptionFolder::Options options = options_for(12, 12);
  options.size = 10;
  options.crop_size = 4;
  const at::Tensor resized = to_model_range(pillow_resize(noise_image(12, 12), 10, 10, Filter::bicubic));
  EXPECT_TRUE(at::equal(image_of(get(CaptionFolder(options, png_reader()), 0)),
                        resized.slice(0, 3, 7).slice(1, 3, 7)));
  options.crop = CropPlace::random;
  const CaptionFolder dataset(options, png_reader());
  EXPECT_FALSE(dataset.has_fixed_images());
  std::set<float> corners;
  for (std::uint64_t seed = 0; seed < 30; ++seed) {
    const at::Tensor image = image_of(get(dataset, 0, seed));
    ASSERT_EQ(image.sizes(), (at::IntArrayRef{4, 4, 3}));
    EXPECT_TRUE(at::equal(image, image_of(get(dataset, 0, seed))));
    corners.insert(image[0][0][0].item<float>());
  }
  EXPECT_GT(corners.size(), 10u);
}

TEST(CaptionFolder, RandomSquaresMoveAlongTheLongerSide) {
  CaptionFolder::Options options = options_for(4, 9);
  options.size = 4;
  options.crop = CropPlace::random;
  const CaptionFolder dataset(options, png_reader());
  const at::Tensor whole = to_model_range(noise_image(4, 9));
  std::set<std::int64_t> places;
  for (std::uint64_t seed = 0; seed < 60; ++seed) {
    const at::Tensor image = image_of(get(dataset, 0, seed));
    for (std::int64_t left = 0; left <= 5; ++left) {
      if (at::equal(image, whole.slice(1, left, left + 4))) places.insert(left);
    }
  }
  EXPECT_EQ(places, (std::set<std::int64_t>{0, 1, 2, 3, 4, 5}));
}

TEST(CaptionFolder, ImagesBelowCropSizeAreImageErrors) {
  CaptionFolder::Options options = options_for(6, 8);
  options.crop_size = 7;
  const CaptionFolder dataset(options, png_reader());
  EXPECT_EQ(error_of<ImageError>([&] { get(dataset, 0); }),
            "'" + dataset.name_of(0) + "': expected an image of at least 7x7 pixels (crop_size), got 8x6");
}

TEST(CaptionFolder, MirrorsWithFlipP) {
  CaptionFolder::Options options = options_for(6, 8);
  options.flip_p = 1.0;
  const CaptionFolder dataset(options, png_reader());
  EXPECT_TRUE(at::equal(image_of(get(dataset, 0)), to_model_range(noise_image(6, 8).flip(1))));
  EXPECT_FALSE(dataset.has_fixed_images());
}

TEST(CaptionFolder, OptionsOutOfRangeAreRefused) {
  const CaptionFolder::Options good = options_for(6, 8);
  const auto message = [](const CaptionFolder::Options& options) {
    return error_of<std::invalid_argument>([&] { CaptionFolder(options, png_reader()); });
  };
  CaptionFolder::Options options = good;
  EXPECT_EQ(message(options), "");
  options.size = 0;
  EXPECT_THAT(message(options), HasSubstr("expected size between 1 and"));
  options = good;
  options.crop_size = -1;
  EXPECT_THAT(message(options), HasSubstr("expected crop_size between 1 and"));
  options.crop_size = 9;
  options.size = 8;
  EXPECT_THAT(message(options), HasSubstr("expected crop_size to be at most size (8), got 9"));
  options = good;
  options.flip_p = 2;
  EXPECT_THAT(message(options), HasSubstr("expected flip_p between 0 and 1"));
}

TEST(CaptionFolder, FingerprintFollowsFilesAndOptions) {
  CaptionFolder::Options options = options_for(6, 8);
  const auto fingerprint = [](const CaptionFolder::Options& of) {
    return CaptionFolder(of, png_reader()).fingerprint();
  };
  std::set<std::string> seen{fingerprint(options)};
  EXPECT_EQ(*seen.begin(), fingerprint(options));
  write_file(options.data_root + "/a.txt", "another caption, the same image");
  EXPECT_EQ(*seen.begin(), fingerprint(options));
  const auto expect_new = [&] {
    EXPECT_TRUE(seen.insert(fingerprint(options)).second) << fingerprint(options);
  };
  options.size = 4;
  expect_new();
  options.interpolation = Filter::lanczos;
  expect_new();
  options.crop_size = 2;
  expect_new();
  const std::filesystem::path image = options.data_root + "/a.png";
  std::filesystem::last_write_time(image, std::filesystem::last_write_time(image) + std::chrono::seconds(2));
  expect_new();
  write_file(options.data_root + "/b.txt", "b");
  write_pictures(options.data_root, {"b.png"});
  expect_new();
  std::filesystem::rename(options.data_root + "/b.png", options.data_root + "/a2.png");
  write_file(options.data_root + "/a2.txt", "b");
  expect_new();
}

}  // namespace
}  // namespace ldm::data
