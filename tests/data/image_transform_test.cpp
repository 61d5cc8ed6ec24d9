#include "ldm/data/image_transform.h"

#include <ATen/ATen.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <set>
#include <stdexcept>

#include "ldm/data/seeds.h"
#include "tests/data/data_test_util.h"
#include "tests/support/files.h"

namespace ldm::data {
namespace {

using ldm::testing::error_of;
using ::testing::HasSubstr;
using testing::noise_image;

TEST(Crop, IsTheRectangle) {
  const at::Tensor image = noise_image(5, 7);
  EXPECT_TRUE(at::equal(crop(image, 1, 2, {3, 4}), image.slice(0, 1, 4).slice(1, 2, 6)));
  EXPECT_THAT(error_of<std::invalid_argument>([&] {
                crop(image, 3, 0, {3, 4});
              }),
              HasSubstr("inside the image of 7x5 pixels, got 4x3 at row 3, column 0"));
  EXPECT_THROW(crop(image, 0, -1, {3, 4}), std::invalid_argument);
  EXPECT_THROW(crop(image, 0, 0, {0, 4}), std::invalid_argument);
}

TEST(CenterCrop, LeavesTheOddPixelBelowAndToTheRight) {
  const at::Tensor image = noise_image(6, 9);
  EXPECT_TRUE(at::equal(center_crop(image, {3, 4}), image.slice(0, 1, 4).slice(1, 2, 6)));
  EXPECT_THROW(center_crop(image, {7, 1}), std::invalid_argument);
}

TEST(RandomCrop, ReachesEveryPlaceAndNoOther) {
  const at::Tensor image = at::arange(4 * 5, at::kByte).view({4, 5, 1});
  at::Generator random = make_generator(1);
  std::set<int> corners;
  for (int i = 0; i < 200; ++i) corners.insert(random_crop(image, {3, 3}, random)[0][0][0].item<int>());
  EXPECT_EQ(corners, (std::set<int>{0, 1, 2, 5, 6, 7}));
  EXPECT_THROW(random_crop(image, {5, 3}, random), std::invalid_argument);
}

TEST(RandomHorizontalFlip, DrawsAsTorchvisionDoes) {
  const at::Tensor image = noise_image(2, 3);
  at::Generator random = make_generator(5), torch = make_generator(5);
  int flips = 0;
  for (int i = 0; i < 50; ++i) {
    const bool flipped = at::rand({1}, torch).item<float>() < 0.3f;
    EXPECT_TRUE(at::equal(random_horizontal_flip(image, 0.3, random), flipped ? image.flip(1) : image)) << i;
    flips += flipped ? 1 : 0;
  }
  EXPECT_GT(flips, 0);
  EXPECT_LT(flips, 50);
}

TEST(RandomHorizontalFlip, ZeroIsNeverAndOneAlways) {
  const at::Tensor image = noise_image(2, 3);
  at::Generator random = make_generator(5);
  for (int i = 0; i < 50; ++i) {
    EXPECT_TRUE(at::equal(random_horizontal_flip(image, 0.0, random), image));
    EXPECT_TRUE(at::equal(random_horizontal_flip(image, 1.0, random), image.flip(1)));
  }
}

TEST(ToModelRange, IsRoundedOnceFromFloat64) {
  const at::Tensor got = to_model_range(at::arange(256, at::kByte).view({16, 16, 1}).transpose(0, 1));
  ASSERT_EQ(got.scalar_type(), at::kFloat);
  const at::Tensor exact = at::arange(256, at::kDouble).div(127.5).sub(1.0).to(at::kFloat);
  EXPECT_TRUE(at::equal(got, exact.view({16, 16, 1}).transpose(0, 1)));
  EXPECT_TRUE(got.is_contiguous());
}

TEST(Options, AreChecked) {
  EXPECT_EQ(parse_crop_place("center"), CropPlace::center);
  EXPECT_EQ(parse_crop_place("random"), CropPlace::random);
  EXPECT_THAT(error_of<std::invalid_argument>([] { parse_crop_place("centre"); }),
              HasSubstr("expected crop center or random, got 'centre'"));
  EXPECT_NO_THROW(check_probability("flip_p", 1.0));
  EXPECT_THROW(check_probability("flip_p", 1.1), std::invalid_argument);
  EXPECT_THROW(check_probability("flip_p", -0.1), std::invalid_argument);
  EXPECT_THAT(error_of<std::invalid_argument>([] { check_side("size", 0); }), HasSubstr("expected size"));
}

TEST(MixSeeds, DependsOnEveryNumberTheirOrderAndTheirCount) {
  std::set<std::uint32_t> lower;
  for (const std::uint64_t seed :
       {mix_seeds({1, 2}), mix_seeds({2, 1}), mix_seeds({1, 2, 0}), mix_seeds({1}), mix_seeds({1, 3}),
        mix_seeds({1, 2 + (std::uint64_t{1} << 40)}), mix_seeds({})}) {
    lower.insert(static_cast<std::uint32_t>(seed));
  }
  EXPECT_EQ(lower.size(), 7u);
  EXPECT_EQ(mix_seeds({1, 2}), mix_seeds({1, 2}));
}

TEST(DrawBelow, IsEven) {
  at::Generator random = make_generator(3);
  std::vector<int> counts(4, 0);
  for (int i = 0; i < 4000; ++i) ++counts.at(static_cast<std::size_t>(draw_below(4, random)));
  for (const int count : counts) EXPECT_NEAR(count, 1000, 150);
  EXPECT_EQ(draw_below(0, random), 0);
}

}  // namespace
}  // namespace ldm::data
