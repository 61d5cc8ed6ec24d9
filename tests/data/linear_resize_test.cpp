#include "ldm/data/linear_resize.h"

#include <ATen/ATen.h>
#include <gtest/gtest.h>

#include <stdexcept>
#include <string>

#include "ldm/data/datasets/imagenet.h"
#include "ldm/data/png.h"
#include "tests/data/data_test_util.h"
#include "tests/data/datasets/dataset_test_util.h"
#include "tests/support/files.h"

namespace ldm::data {
namespace {

using testing::dataset_golden;
using testing::noise_image;

struct Case {
  const char* name;
  std::int64_t size;
};

class ImageNetGolden : public ::testing::TestWithParam<Case> {};

TEST_P(ImageNetGolden, TheResizeIsOpenCvsFromPythonBitForBit) {
  const std::string name = GetParam().name;
  const at::Tensor expected = dataset_golden(name + ".resized");
  const at::Tensor got = linear_resize(dataset_golden(name + ".in"), expected.size(0), expected.size(1));
  EXPECT_TRUE(at::equal(got, expected)) << got.ne(expected).sum().item<std::int64_t>() << " values differ";
}

TEST_P(ImageNetGolden, TheExampleIsTheReferencesRecipeBitForBit) {
  const std::string name = GetParam().name, root = ldm::testing::new_folder();
  testing::write_into(root + "/ILSVRC2012_validation", "data/n01/x.JPEG",
                      encode_png(dataset_golden(name + ".in")));
  ImageNetBase::Options options;
  options.data_root = root;
  options.size = GetParam().size;
  const ImageNetValidation dataset(options, testing::png_reader(), linear_resize);
  EXPECT_TRUE(at::equal(testing::image_of(testing::get(dataset, 0)), dataset_golden(name + ".out")));
}

INSTANTIATE_TEST_SUITE_P(Sizes, ImageNetGolden,
                         ::testing::Values(Case{"imagenet.0", 16}, Case{"imagenet.1", 32},
                                           Case{"imagenet.2", 24}, Case{"imagenet.3", 16},
                                           Case{"imagenet.4", 16}),
                         [](const auto& param) { return "Case" + std::string(1, param.param.name[9]); });

TEST(LinearResize, AcceptsAnyStrides) {
  const at::Tensor image = noise_image(20, 30);
  const at::Tensor planar = image.permute({2, 0, 1}).contiguous().permute({1, 2, 0});
  ASSERT_FALSE(planar.is_contiguous());
  EXPECT_TRUE(at::equal(linear_resize(planar, 7, 9), linear_resize(image, 7, 9)));
}

TEST(LinearResize, RefusesOtherImagesAndEmptyTargets) {
  EXPECT_THROW(linear_resize(noise_image(4, 4, 1), 2, 2), std::invalid_argument);
  EXPECT_THROW(linear_resize(noise_image(4, 4).to(at::kFloat), 2, 2), std::invalid_argument);
  EXPECT_THROW(linear_resize(at::Tensor(), 2, 2), std::invalid_argument);
  EXPECT_THROW(linear_resize(noise_image(4, 4), 0, 2), std::invalid_argument);
}

}  // namespace
}  // namespace ldm::data
