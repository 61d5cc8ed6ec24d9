#include "ldm/data/latent_preview.h"

#include <ATen/ATen.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <limits>
#include <stdexcept>

#include "tests/data/data_test_util.h"
#include "tests/support/files.h"

namespace ldm::data {
namespace {

using ::testing::HasSubstr;
using testing::rgb_image;

/// One pixel, channels given.
at::Tensor pixel(const std::vector<float>& channels) {
  return at::tensor(channels).view({1, 4, 1, 1});
}

void expect_rgb(const at::Tensor& x0, const std::vector<int>& rgb) {
  const at::Tensor preview = latent_preview(x0);
  EXPECT_TRUE(at::equal(preview, rgb_image(1, 1, rgb).unsqueeze(0))) << preview;
}

TEST(LatentPreview, IsTheLinearMapOfEachChannel) {
  expect_rgb(pixel({0, 0, 0, 0}), {127, 127, 127});
  expect_rgb(pixel({1, 0, 0, 0}), {165, 153, 154});  // 127.5 * (1 + 0.298), ...
  expect_rgb(pixel({0, 1, 0, 0}), {151, 163, 149});
  expect_rgb(pixel({0, 0, 1, 0}), {107, 151, 161});
  expect_rgb(pixel({0, 0, 0, 1}), {104, 92, 67});
  expect_rgb(pixel({1, 2, 0, 0}), {213, 226, 198});
}

TEST(LatentPreview, CutsOffWhatIsTooBrightOrDark) {
  expect_rgb(pixel({100, 0, 0, 0}), {255, 255, 255});
  expect_rgb(pixel({-100, 0, 0, 0}), {0, 0, 0});
  const float inf = std::numeric_limits<float>::infinity();
  expect_rgb(pixel({std::numeric_limits<float>::quiet_NaN(), 0, 0, 0}), {0, 0, 0});
  expect_rgb(pixel({inf, 0, 0, 0}), {255, 255, 255});
}

TEST(LatentPreview, KeepsPlacesAndBatches) {
  at::Tensor x0 = at::zeros({2, 4, 3, 5});
  x0[1][0][2][4] = 1.0f;
  const at::Tensor preview = latent_preview(x0);
  ASSERT_EQ(preview.sizes(), (at::IntArrayRef{2, 3, 5, 3}));
  EXPECT_TRUE(preview.is_contiguous());
  at::Tensor expected = at::full({2, 3, 5, 3}, 127, at::kByte);
  expected[1][2][4] = at::tensor({165, 153, 154}).to(at::kByte);
  EXPECT_TRUE(at::equal(preview, expected));
}

TEST(LatentPreview, TakesHalfPrecision) {
  expect_rgb(pixel({1, 0, 0, 0}).to(at::kHalf), {165, 153, 154});
  expect_rgb(pixel({1, 0, 0, 0}).to(at::kBFloat16), {165, 153, 154});
}

TEST(LatentPreview, RefusesOtherLatents) {
  const auto error = [](const at::Tensor& x0) {
    return ldm::testing::error_of<std::invalid_argument>([&] { latent_preview(x0); });
  };
  EXPECT_THAT(error(at::zeros({1, 3, 8, 8})),
              HasSubstr("[B, 4, h, w] of Stable Diffusion v1, got Float [1, 3, 8, 8]"));
  EXPECT_THAT(error(at::zeros({4, 8, 8})), HasSubstr("got Float [4, 8, 8]"));
  EXPECT_THAT(error(at::zeros({1, 4, 8, 8}, at::kInt)), HasSubstr("got Int [1, 4, 8, 8]"));
  EXPECT_THAT(error(at::Tensor()), HasSubstr("undefined"));
}

}  // namespace
}  // namespace ldm::data
