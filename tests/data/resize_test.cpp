#include "ldm/data/resize.h"

#include <ATen/ATen.h>
#include <ATen/CPUGeneratorImpl.h>
#include <gtest/gtest.h>

#include <stdexcept>
#include <string>
#include <tuple>

#include "ldm/checkpoint/open_checkpoint.h"
#include "tests/support/paths.h"

namespace {

using ldm::data::Filter;
using ldm::data::floor_to_multiple;
using ldm::data::image_to_tensor;
using ldm::data::lanczos_resize;
using ldm::data::parse_filter;
using ldm::data::pillow_resize;
using ldm::data::Size;

at::Tensor noise_image(std::int64_t height, std::int64_t width, std::int64_t channels) {
  at::Generator generator = at::make_generator<at::CPUGeneratorImpl>(7);
  return at::randint(0, 256, {height, width, channels}, generator, at::kByte);
}

std::string error_of(const at::Tensor& image, std::int64_t height, std::int64_t width) {
  try {
    lanczos_resize(image, height, width);
  } catch (const std::invalid_argument& error) {
    return error.what();
  }
  return "";
}

class LanczosGolden : public ::testing::TestWithParam<const char*> {};

TEST_P(LanczosGolden, EqualsPillowBitForBit) {
  auto golden = ldm::checkpoint::open_checkpoint(ldm::testing::golden_path("load_img_lanczos.safetensors"));
  const at::Tensor in = golden.tensor(std::string(GetParam()) + ".in").tensor;
  const at::Tensor expected = golden.tensor(std::string(GetParam()) + ".out").tensor;
  const Size target = floor_to_multiple({in.size(0), in.size(1)}, 32);
  ASSERT_EQ(target, (Size{expected.size(0), expected.size(1)}));
  const at::Tensor got = lanczos_resize(in, target.height, target.width);
  const at::Tensor wrong = got.ne(expected);
  EXPECT_TRUE(at::equal(got, expected))
      << wrong.sum().item<std::int64_t>() << " of " << got.numel() << " values differ";
}

INSTANTIATE_TEST_SUITE_P(Sizes, LanczosGolden,
                         ::testing::Values("100x64", "128x64", "130x127", "333x211", "64x95", "65x33"));

TEST(LanczosResize, TheGoldenHoldsNoOtherSize) {
  auto golden = ldm::checkpoint::open_checkpoint(ldm::testing::golden_path("load_img_lanczos.safetensors"));
  EXPECT_EQ(golden.names().size(), 12u);
}

class PillowGolden : public ::testing::TestWithParam<std::tuple<int, std::string>> {};

TEST_P(PillowGolden, EveryFilterEqualsPillowBitForBit) {
  auto golden = ldm::checkpoint::open_checkpoint(ldm::testing::golden_path("dataset_images.safetensors"));
  const auto& [number, filter] = GetParam();
  const std::string name = "pillow." + std::to_string(number) + ".";
  const at::Tensor expected = golden.tensor(name + filter).tensor;
  const at::Tensor got = pillow_resize(golden.tensor(name + "in").tensor, expected.size(0), expected.size(1),
                                       parse_filter(filter));
  EXPECT_TRUE(at::equal(got, expected))
      << got.ne(expected).sum().item<std::int64_t>() << " of " << got.numel() << " values differ";
}

INSTANTIATE_TEST_SUITE_P(Sizes, PillowGolden,
                         ::testing::Combine(::testing::Range(0, 5),
                                            ::testing::Values("bilinear", "bicubic", "lanczos")));

TEST(PillowResize, FiltersAreNamedAsInTheReference) {
  EXPECT_EQ(parse_filter("linear"), Filter::bilinear);
  EXPECT_EQ(parse_filter("bilinear"), Filter::bilinear);
  EXPECT_EQ(parse_filter("bicubic"), Filter::bicubic);
  EXPECT_EQ(parse_filter("lanczos"), Filter::lanczos);
  EXPECT_THROW(parse_filter("nearest"), std::invalid_argument);
}

TEST(LanczosResize, KeepsAConstantImage) {
  for (const int value : {0, 1, 127, 254, 255}) {
    const at::Tensor image = at::full({37, 53, 3}, value, at::kByte);
    EXPECT_TRUE(at::equal(lanczos_resize(image, 64, 24), at::full({64, 24, 3}, value, at::kByte))) << value;
  }
}

TEST(LanczosResize, TreatsChannelsIndependently) {
  const at::Tensor image = noise_image(31, 45, 4);
  const at::Tensor whole = lanczos_resize(image, 16, 70);
  for (std::int64_t c = 0; c < 4; ++c) {
    EXPECT_TRUE(at::equal(whole.slice(2, c, c + 1), lanczos_resize(image.slice(2, c, c + 1), 16, 70))) << c;
  }
  EXPECT_TRUE(at::equal(whole.slice(2, 0, 2), lanczos_resize(image.slice(2, 0, 2), 16, 70)));
}

// Pixels with hard edges, so that the order of the passes shows.
TEST(LanczosResize, BeginsWithTheColumnsWhenTheHeightLosesMore) {
  const at::Tensor image = noise_image(100, 100, 3);
  const auto rows_first = [&](std::int64_t height, std::int64_t width) {
    return lanczos_resize(lanczos_resize(image, 100, width), height, width);
  };
  const auto columns_first = [&](std::int64_t height, std::int64_t width) {
    return lanczos_resize(lanczos_resize(image, height, 100), height, width);
  };
  ASSERT_FALSE(at::equal(rows_first(93, 97), columns_first(93, 97)));
  EXPECT_TRUE(at::equal(lanczos_resize(image, 93, 97), columns_first(93, 97)));
  EXPECT_TRUE(at::equal(lanczos_resize(image, 94, 97), rows_first(94, 97)));
  EXPECT_TRUE(at::equal(lanczos_resize(image, 99, 150), columns_first(99, 150)));
  EXPECT_TRUE(at::equal(lanczos_resize(image, 101, 150), rows_first(101, 150)));
}

TEST(LanczosResize, PassesAreTheSameOnBothAxes) {
  const at::Tensor image = noise_image(40, 40, 3);
  const at::Tensor turned = image.transpose(0, 1);
  EXPECT_TRUE(at::equal(lanczos_resize(turned, 17, 40).transpose(0, 1), lanczos_resize(image, 40, 17)));
}

TEST(LanczosResize, AcceptsAnyStrides) {
  const at::Tensor planar = noise_image(3, 33, 65);
  const at::Tensor view = planar.permute({1, 2, 0});
  ASSERT_FALSE(view.is_contiguous());
  EXPECT_TRUE(at::equal(lanczos_resize(view, 32, 64), lanczos_resize(view.contiguous(), 32, 64)));
}

TEST(LanczosResize, SameSizeIsACopyNotAView) {
  at::Tensor image = noise_image(8, 8, 3);
  const at::Tensor before = image.clone();
  const at::Tensor copy = lanczos_resize(image, 8, 8);
  image.zero_();
  EXPECT_TRUE(at::equal(copy, before));
}

TEST(LanczosResize, GrowsASinglePixel) {
  const at::Tensor pixel = at::full({1, 1, 1}, 200, at::kByte);
  EXPECT_TRUE(at::equal(lanczos_resize(pixel, 5, 3), at::full({5, 3, 1}, 200, at::kByte)));
}

TEST(LanczosResize, RefusesWhatIsNoByteImage) {
  const at::Tensor image = noise_image(4, 4, 3);
  EXPECT_NE(error_of(image.to(at::kFloat), 2, 2).find("got Float [4, 4, 3]"), std::string::npos);
  EXPECT_NE(error_of(image.select(2, 0), 2, 2).find("got Byte [4, 4]"), std::string::npos);
  EXPECT_NE(error_of(noise_image(4, 4, 5), 2, 2).find("1 to 4 channels"), std::string::npos);
  EXPECT_NE(error_of(noise_image(0, 4, 3), 2, 2).find("got Byte [0, 4, 3]"), std::string::npos);
  EXPECT_NE(error_of(at::Tensor(), 2, 2).find("undefined"), std::string::npos);
}

TEST(LanczosResize, RefusesAnEmptyTarget) {
  const at::Tensor image = noise_image(20, 40, 3);
  const Size target = floor_to_multiple({20, 40}, 32);
  EXPECT_NE(error_of(image, target.height, target.width).find("got width 32, height 0"), std::string::npos);
  EXPECT_NE(error_of(image, 4, -1).find("got width -1"), std::string::npos);
}

TEST(FloorToMultiple, RoundsBothSidesDown) {
  EXPECT_EQ(floor_to_multiple({211, 333}, 32), (Size{192, 320}));
  EXPECT_EQ(floor_to_multiple({64, 128}, 64), (Size{64, 128}));
  EXPECT_EQ(floor_to_multiple({31, 32}, 32), (Size{0, 32}));
  EXPECT_THROW(floor_to_multiple({64, 64}, 0), std::invalid_argument);
}

TEST(ImageToTensor, IsNumpysFloat32Arithmetic) {
  const at::Tensor got = image_to_tensor(at::arange(256, at::kByte).view({16, 16, 1})).flatten();
  ASSERT_EQ(got.scalar_type(), at::kFloat);
  for (int i = 0; i < 256; ++i) {
    const volatile float unit = static_cast<float>(i) / 255.0f;
    EXPECT_EQ(got[i].item<float>(), 2.0f * unit - 1.0f) << i;
  }
}

TEST(ImageToTensor, PutsChannelsFirst) {
  const at::Tensor image = noise_image(5, 7, 3);
  const at::Tensor got = image_to_tensor(image);
  ASSERT_EQ(got.sizes(), (at::IntArrayRef{1, 3, 5, 7}));
  EXPECT_TRUE(got.is_contiguous());
  const auto byte = static_cast<float>(image[4][6][1].item<int>());
  EXPECT_NEAR(got[0][1][4][6].item<float>(), byte / 127.5f - 1.0f, 1e-6f);
  EXPECT_THROW(image_to_tensor(image.to(at::kFloat)), std::invalid_argument);
}

}  // namespace
