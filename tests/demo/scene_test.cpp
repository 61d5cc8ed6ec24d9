#include "ldm/demo/scene.h"

#include <ATen/ATen.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "ldm/files/error.h"
#include "tests/demo/demo_test_util.h"
#include "tests/support/files.h"
#include "tests/support/paths.h"

namespace ldm::demo {
namespace {

using ::testing::Contains;
using testing::demo_objects;
using testing::demo_sprites;
using ::testing::ElementsAre;
using testing::error_of;
using ::testing::HasSubstr;

/// The rows and columns of a picture that are not its background: {top, bottom, left, right}, ends included.
std::vector<std::int64_t> box_of_object(const at::Tensor& pixels) {
  const at::Tensor differs = (pixels != pixels[0][0]).any(2);
  const at::Tensor rows = differs.any(1).nonzero(), columns = differs.any(0).nonzero();
  return {rows.min().item<std::int64_t>(), rows.max().item<std::int64_t>(),
          columns.min().item<std::int64_t>(), columns.max().item<std::int64_t>()};
}

TEST(EmojiFont, SaysWhatIsMissing) {
  EXPECT_THAT(error_of<files::FileError>([] { EmojiFont("no/such/font.ttf"); }),
              HasSubstr("install the package fonts-noto-color-emoji"));
  const std::string text = testing::project_path("README.md");
  EXPECT_THAT(error_of<files::FileError>([&] { EmojiFont{text}; }),
              HasSubstr("README.md': expected the font"));
  const EmojiFont font(EmojiFont::kDefaultPath);
  EXPECT_THAT(error_of<files::FileError>([&] { font.picture(0x4E00); }),
              HasSubstr("a picture of U+4E00, found none"));
}

TEST(EmojiFont, PicturesAreSquaresThatTheirObjectTouches) {
  const at::Tensor picture = EmojiFont(EmojiFont::kDefaultPath).picture(0x1F98A);  // a fox
  ASSERT_EQ(picture.size(1), picture.size(2));
  EXPECT_GE(picture.size(1), 100);
  const at::Tensor alpha = picture[3];
  const bool touches_sides =
      (alpha.select(1, 0) > 0).any().item<bool>() && (alpha.select(1, -1) > 0).any().item<bool>();
  const bool touches_ends = (alpha[0] > 0).any().item<bool>() && (alpha[-1] > 0).any().item<bool>();
  EXPECT_TRUE(touches_sides || touches_ends);
  EXPECT_TRUE((picture.slice(0, 0, 3) <= alpha + 1e-6).all().item<bool>())
      << "colours are multiplied by alpha";
  // A fox is orange: more red than green, more green than blue.
  const at::Tensor sums = picture.sum({1, 2});
  EXPECT_GT(sums[0].item<float>(), sums[1].item<float>());
  EXPECT_GT(sums[1].item<float>(), sums[2].item<float>());
}

TEST(Scene, LargeObjectsFillThePicture) {
  Scene scene;
  scene.colour = 6;  // blue
  const at::Tensor pixels = draw(scene, demo_sprites());
  ASSERT_THAT(pixels.sizes().vec(), ElementsAre(64, 64, 3));
  EXPECT_EQ(pixels.scalar_type(), at::kByte);
  const auto& blue = colours()[6].rgb;
  EXPECT_TRUE(pixels[0][0].equal(at::tensor({blue[0], blue[1], blue[2]}, at::kByte)));
  const auto box = box_of_object(pixels);
  EXPECT_EQ(std::max(box[1] - box[0], box[3] - box[2]) + 1, kLargeSide);
}

TEST(Scene, SmallObjectsStandWhereTheyShould) {
  Scene scene;
  scene.layout = Layout::small;
  const auto center = [&](Place place) {
    scene.place = place;
    const auto box = box_of_object(draw(scene, demo_sprites()));
    return std::make_pair((box[0] + box[1]) / 2, (box[2] + box[3]) / 2);
  };
  const auto [y, x] = center(Place::middle);
  EXPECT_NEAR(static_cast<double>(y), 31.5, 4);
  EXPECT_NEAR(static_cast<double>(x), 31.5, 4);
  EXPECT_LT(center(Place::top_right).first, 24);
  EXPECT_GT(center(Place::top_right).second, 40);
  EXPECT_GT(center(Place::bottom_left).first, 40);
  EXPECT_LT(center(Place::bottom_left).second, 24);
}

TEST(Scene, ObjectsOfAPairDoNotTouch) {
  Scene scene;
  scene.layout = Layout::pair;
  scene.object = 3;
  scene.second = 5;
  const at::Tensor pixels = draw(scene, demo_sprites());
  const at::Tensor between = pixels.slice(1, 31, 33);
  EXPECT_TRUE(between.eq(pixels[0][0]).all().item<bool>());
  EXPECT_FALSE(pixels.slice(1, 0, 31).eq(pixels[0][0]).all().item<bool>());
  EXPECT_FALSE(pixels.slice(1, 33).eq(pixels[0][0]).all().item<bool>());
}

TEST(Scene, WhatIsOutsideThePictureIsCutOff) {
  at::Tensor picture = at::zeros({3, 8, 8});
  const at::Tensor sprite = at::ones({4, 4, 4});
  lay_over(picture, sprite, -2, 6);
  EXPECT_EQ(picture.sum().item<float>(), 3 * 2 * 2);
  EXPECT_TRUE(picture.slice(1, 0, 2).slice(2, 6).eq(1).all().item<bool>());
  lay_over(picture, sprite, 20, 0);
  EXPECT_EQ(picture.sum().item<float>(), 3 * 2 * 2);
}

TEST(Scene, CaptionsSayWhatIsThere) {
  const std::vector<Object> objects{{0x1F989, "an", "owl"}, {0x1F347, "", "grapes"}};
  Scene scene;
  scene.colour = 3;  // orange
  EXPECT_EQ(prompt_of(scene, objects), "an owl on an orange background");
  EXPECT_THAT(captions_of(scene, objects), Contains("an orange background with an owl"));
  scene.layout = Layout::small;
  scene.place = Place::top_left;
  EXPECT_EQ(prompt_of(scene, objects), "a small owl in the top left corner of an orange background");
  scene.layout = Layout::pair;
  scene.object = 1;
  scene.second = 0;
  EXPECT_EQ(prompt_of(scene, objects), "grapes and an owl on an orange background");
}

}  // namespace
}  // namespace ldm::demo
