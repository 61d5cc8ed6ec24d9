#include "ldm/data/image_tensor.h"

#include <ATen/ATen.h>
#include <gtest/gtest.h>

#include <limits>
#include <stdexcept>

namespace ldm::data {
namespace {

/// A [1, 1, 1, N] image whose values are 255 times `levels` before they become integers.
at::Tensor image_of_levels(const std::vector<double>& levels) {
  const at::Tensor level = at::tensor(levels, at::kDouble);
  return (level / 255.0 * 2.0 - 1.0).view({1, 1, 1, -1});
}

TEST(ToImageU8, CutsOffAndClamps) {
  const at::Tensor image = to_image_u8(image_of_levels({-40, 0.25, 0.999, 7.5, 254.999, 256, 1e6}));
  EXPECT_EQ(image.sizes(), at::IntArrayRef({1, 1, 7, 1}));
  EXPECT_TRUE(at::equal(image.view(-1), at::tensor({0, 0, 0, 7, 254, 255, 255}).to(at::kByte)));
}

TEST(ToImageU8, PutsChannelsLast) {
  const at::Tensor x = at::linspace(-1, 1, 2 * 3 * 4 * 5).view({2, 3, 4, 5});
  const at::Tensor image = to_image_u8(x);
  EXPECT_TRUE(image.is_contiguous());
  for (const std::int64_t channel : {0, 1, 2}) {
    EXPECT_TRUE(
        at::equal(image.select(3, channel), to_image_u8(x.slice(1, channel, channel + 1)).select(3, 0)));
  }
}

// In half 255 * v has steps of 1/8 above 128: values just below a level round up to it before they are cut.
TEST(ToImageU8, ComputesInTheDtypeOfTheImage) {
  const at::Tensor x = image_of_levels({200.99}).to(at::kFloat);
  EXPECT_EQ(to_image_u8(x).item<int>(), 200);
  EXPECT_EQ(to_image_u8(x.to(at::kHalf)).item<int>(), 201);
}

TEST(ToImageU8, RefusesNaNAndOtherForms) {
  at::Tensor x = at::zeros({1, 3, 2, 2});
  x[0][1][1][0] = std::numeric_limits<float>::quiet_NaN();
  EXPECT_THROW(to_image_u8(x), std::domain_error);
  EXPECT_THROW(to_image_u8(at::zeros({3, 2, 2})), std::invalid_argument);
  EXPECT_THROW(to_image_u8(at::zeros({1, 3, 2, 2}, at::kLong)), std::invalid_argument);
}

TEST(MakeGrid, SingleImageHasNoBorder) {
  const at::Tensor image = at::randint(0, 256, {1, 4, 5, 3}).to(at::kByte);
  EXPECT_TRUE(at::equal(make_grid(image, 3), image[0]));
}

TEST(MakeGrid, FillsRowByRowWithBordersOfTwo) {
  const at::Tensor images = at::arange(1, 6).to(at::kByte).view({5, 1, 1, 1}).expand({5, 4, 6, 3});
  const at::Tensor grid = make_grid(images, 3);
  ASSERT_EQ(grid.sizes(), at::IntArrayRef({2 * (4 + 2) + 2, 3 * (6 + 2) + 2, 3}));
  for (std::int64_t i = 0; i < 5; ++i) {
    const at::Tensor cell = grid.narrow(0, i / 3 * 6 + 2, 4).narrow(1, i % 3 * 8 + 2, 6);
    EXPECT_TRUE(at::equal(cell, images[i])) << "image " << i;
  }
  EXPECT_EQ(grid.sum().item<std::int64_t>(), (1 + 2 + 3 + 4 + 5) * 4 * 6 * 3) << "all else is black";
}

TEST(MakeGrid, IsNoWiderThanItsImages) {
  EXPECT_EQ(make_grid(at::zeros({2, 4, 4, 3}, at::kByte), 8).sizes(), at::IntArrayRef({8, 14, 3}));
}

TEST(MakeGrid, RefusesOtherForms) {
  EXPECT_THROW(make_grid(at::zeros({2, 4, 4, 3}), 2), std::invalid_argument);
  EXPECT_THROW(make_grid(at::zeros({0, 4, 4, 3}, at::kByte), 2), std::invalid_argument);
  EXPECT_THROW(make_grid(at::zeros({2, 4, 4, 3}, at::kByte), 0), std::invalid_argument);
}

}  // namespace
}  // namespace ldm::data
