#include "ldm/experiments/image_metrics.h"

#include <ATen/ATen.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <stdexcept>

namespace ldm::experiments {
namespace {

using ::testing::DoubleNear;
using ::testing::ElementsAre;

/// Pictures by formulas that make_metric_values.py has, too.
template <typename Formula>
at::Tensor picture(std::int64_t height, std::int64_t width, const Formula& formula) {
  at::Tensor pixels = at::empty({height, width, 3}, at::kByte);
  auto values = pixels.accessor<std::uint8_t, 3>();
  for (std::int64_t y = 0; y < height; ++y) {
    for (std::int64_t x = 0; x < width; ++x) {
      for (std::int64_t c = 0; c < 3; ++c)
        values[y][x][c] = static_cast<std::uint8_t>(formula(y, x, c) % 256);
    }
  }
  return pixels;
}

at::Tensor noise(std::int64_t height, std::int64_t width, std::int64_t factor, std::int64_t shift) {
  return picture(height, width, [&](std::int64_t y, std::int64_t x, std::int64_t c) {
    return (x * 7 + y * 13 + c * 29) * factor + x * y / 3 + shift;
  });
}

at::Tensor ramp(std::int64_t height, std::int64_t width, std::int64_t shift) {
  return picture(height, width, [&](std::int64_t y, std::int64_t x, std::int64_t c) {
    return (x * 2 + y + c * 11 + shift) / 2;
  });
}

struct Expected {
  at::Tensor a, b;
  double psnr, ssim, mad;
};

void expect(const Expected& expected) {
  EXPECT_NEAR(psnr(expected.a, expected.b), expected.psnr, 1e-10);
  EXPECT_NEAR(ssim(expected.a, expected.b), expected.ssim, 1e-10);
  EXPECT_NEAR(mean_absolute_difference(expected.a, expected.b), expected.mad, 1e-12);
}

// The numbers are printed by make_metric_values.py.
TEST(ImageMetrics, AreThoseOfScikitImage) {
  expect(
      {noise(40, 48, 5, 0), noise(40, 48, 7, 3), 7.784331908176788, 0.013454312464808138, 84.99201388888889});
  expect({ramp(33, 64, 0), ramp(33, 64, 9), 35.02290527914773, 0.9885339982336875, 4.494949494949495});
  expect({ramp(24, 24, 0), noise(24, 24, 3, 1), 5.95313315798648, 0.004417707106677472, 107.14467592592592});
  expect({ramp(11, 11, 0), ramp(11, 11, 40), 22.11020369539948, 0.6523200501325567, 20.0});
}

TEST(ImageMetrics, OfEqualPictures) {
  const at::Tensor picture = noise(16, 16, 5, 0);
  EXPECT_EQ(psnr(picture, picture), INFINITY);
  EXPECT_NEAR(ssim(picture, picture), 1, 1e-12);
  EXPECT_EQ(mean_absolute_difference(picture, picture), 0);
}

TEST(ImageMetrics, OfOneLevelInOneValue) {
  const at::Tensor a = at::zeros({10, 10, 3}, at::kByte);
  at::Tensor b = a.clone();
  b[3][4][1] = 1;
  EXPECT_NEAR(psnr(a, b), 10 * std::log10(255.0 * 255.0 * 300), 1e-10);
  EXPECT_NEAR(mean_absolute_difference(a, b), 1.0 / 300, 1e-15);
  EXPECT_TRUE(std::isnan(ssim(a, b)));  // smaller than the window
}

TEST(ImageMetrics, RefuseWhatIsNoPairOfPictures) {
  const at::Tensor picture = noise(16, 16, 5, 0);
  for (const at::Tensor& other :
       {noise(16, 17, 5, 0), picture.to(at::kFloat), picture.permute({2, 0, 1}).contiguous()}) {
    EXPECT_THROW(psnr(picture, other), std::invalid_argument);
    EXPECT_THROW(ssim(picture, other), std::invalid_argument);
    EXPECT_THROW(mean_absolute_difference(picture, other), std::invalid_argument);
  }
}

TEST(RelativeDistances, AreThoseOfEachStep) {
  const at::Tensor b = at::ones({3, 1, 2, 2});
  at::Tensor a = b.clone();
  a[1] *= 1.5;
  a[2][0][0][0] = 3;
  EXPECT_THAT(relative_distances(a, b), ElementsAre(0, DoubleNear(0.5, 1e-12), DoubleNear(1, 1e-12)));
  EXPECT_THAT(relative_distances(at::zeros({1, 1, 1, 1}), at::zeros({1, 1, 1, 1})), ElementsAre(0));
  EXPECT_THROW(relative_distances(a, b.narrow(0, 0, 2)), std::invalid_argument);
}

}  // namespace
}  // namespace ldm::experiments
