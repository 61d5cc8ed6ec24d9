#include "ldm/training/image_log.h"

#include <ATen/ATen.h>
#include <gmock/gmock.h>

#include <limits>
#include <map>

#include "ldm/data/png.h"
#include "tests/support/files.h"

namespace ldm::training {
namespace {

using ::testing::ElementsAre;
using Sizes = std::vector<std::int64_t>;

constexpr float kInfinity = std::numeric_limits<float>::infinity();
constexpr float kNaN = std::numeric_limits<float>::quiet_NaN();

/// Writes pictures of step 750, batch 749 of epoch 2, into a folder of their own and gives that of the split.
std::string written(const LoggedImages& images, const ImageLogOptions& options = {},
                    const std::vector<std::string>& captions = {}) {
  const std::string folder = ldm::testing::new_folder();
  Progress progress;
  progress.global_step = 750;
  progress.epoch = 2;
  write_logged_images(folder, "train", images, captions, options, progress, /*batch_index=*/749);
  return folder + "/train";
}

at::Tensor pixels(const std::string& folder, const std::string& name) {
  return data::read_png(folder + "/" + name + "_gs-000750_e-000002_b-000749.png").pixels;
}

/// The levels of a row of grey pixels with these values.
std::vector<int> levels(const std::vector<float>& values, const ImageLogOptions& options) {
  const at::Tensor row = at::tensor(at::ArrayRef<float>(values)).view({1, 1, 1, -1});
  const at::Tensor image = pixels(written({{"samples", row}}, options), "samples");
  EXPECT_TRUE(at::equal(image, image.select(2, 0).unsqueeze(2).expand_as(image))) << "grey";
  const at::Tensor red = image.select(2, 0).flatten().to(at::kInt).contiguous();
  return {red.const_data_ptr<int>(), red.const_data_ptr<int>() + red.numel()};
}

TEST(ImageLog, NamesOfItsFilesAreImageLoggers) {
  const at::Tensor images = at::zeros({2, 3, 4, 4});
  EXPECT_THAT(
      ldm::testing::files_in(written({{"inputs", images}, {"samples_ema", images}}, {}, {"a", "b"})),
      ElementsAre("conditioning_gs-000750_e-000002_b-000749.txt", "inputs_gs-000750_e-000002_b-000749.png",
                  "samples_ema_gs-000750_e-000002_b-000749.png"));
}

TEST(ImageLog, GridsHaveFourInARowAndAtMostMaxImages) {
  const LoggedImages images{{"six", at::zeros({6, 3, 8, 10})},
                            {"three", at::zeros({3, 3, 8, 10})},
                            {"one", at::zeros({1, 3, 8, 10})},
                            {"grey", at::zeros({4, 1, 8, 10})}};
  ImageLogOptions options;
  const std::string at_most_four = written(images, options);
  EXPECT_EQ(pixels(at_most_four, "six").sizes().vec(), (Sizes{8 + 4, 4 * 12 + 2, 3}));
  EXPECT_EQ(pixels(at_most_four, "three").sizes().vec(), (Sizes{8 + 4, 3 * 12 + 2, 3}));
  EXPECT_EQ(pixels(at_most_four, "one").sizes().vec(), (Sizes{8, 10, 3}));
  EXPECT_EQ(pixels(at_most_four, "grey").sizes().vec(), (Sizes{8 + 4, 4 * 12 + 2, 3}));
  options.max_images = 6;
  EXPECT_EQ(pixels(written(images, options), "six").sizes().vec(), (Sizes{2 * 10 + 2, 4 * 12 + 2, 3}));
}

TEST(ImageLog, PicturesInTheGridAreInTheirOrder) {
  const at::Tensor images = at::tensor({-1.0f, 0.0f, 1.0f}).view({3, 1, 1, 1}).expand({3, 3, 2, 2});
  const at::Tensor grid = pixels(written({{"inputs", images}}), "inputs").select(2, 0);
  const std::map<int, int> level_at{{2, 0}, {6, 127}, {10, 255}};
  for (const auto& [column, level] : level_at) {
    EXPECT_EQ(grid[2][column].item<int>(), level) << column;
  }
}

TEST(ImageLog, BordersAreTheMiddleOfTheRange) {
  const LoggedImages images{{"inputs", at::ones({2, 3, 2, 2})}};
  ImageLogOptions options;
  EXPECT_EQ(pixels(written(images, options), "inputs")[0][0][0].item<int>(), 127);
  options.rescale = false;
  EXPECT_EQ(pixels(written(images, options), "inputs")[0][0][0].item<int>(), 0);
}

TEST(ImageLog, ValuesBeyondTheRangeAreClampedAndNeverWrapAround) {
  ImageLogOptions options;
  for (const bool clamp : {true, false}) {
    options.clamp = clamp;
    EXPECT_THAT(levels({-3, -1, 0, 1, 3, kInfinity, -kInfinity, kNaN}, options),
                ElementsAre(0, 0, 127, 255, 255, 255, 0, 0));
  }
}

TEST(ImageLog, WithoutRescaleValuesAreFromZeroToOne) {
  ImageLogOptions options;
  options.rescale = false;
  EXPECT_THAT(levels({-0.5, 0, 0.25, 1, 1.5}, options), ElementsAre(0, 0, 63, 255, 255));
}

TEST(ImageLog, WhatHasNoColoursIsLeftOut) {
  EXPECT_THAT(ldm::testing::files_in(written({{"segmentation", at::zeros({2, 5, 4, 4})}})), ElementsAre());
}

TEST(ImageLog, TextsAreThoseOfTheShownPictures) {
  const at::Tensor images = at::zeros({3, 3, 4, 4});
  ImageLogOptions options;
  options.max_images = 2;
  const std::string folder = written({{"inputs", images}}, options, {"first", "second", "third"});
  EXPECT_EQ(ldm::testing::read_file(folder + "/conditioning_gs-000750_e-000002_b-000749.txt"),
            "first\nsecond\n");
}

TEST(ImageLog, AResumedRunReplacesItsPictures) {
  const std::string folder = ldm::testing::new_folder();
  for (const double value : {-1.0, 1.0}) {
    write_logged_images(folder, "val", {{"inputs", at::full({1, 3, 2, 2}, value)}}, {}, {}, {}, 0);
  }
  const at::Tensor last = data::read_png(folder + "/val/inputs_gs-000000_e-000000_b-000000.png").pixels;
  EXPECT_TRUE(at::equal(last, at::full({2, 2, 3}, 255, at::kByte)));
}

TEST(ImageLog, LogsAtMultiplesAndAtPowersOfTwoBeforeTheFirst) {
  ImageLogOptions options;
  options.batch_frequency = 12;
  const auto counts = [&] {
    std::vector<int> logged;
    for (int count = 0; count <= 32; ++count) {
      if (logs_images_at(options, count)) logged.push_back(count);
    }
    return logged;
  };
  EXPECT_THAT(counts(), ElementsAre(1, 2, 4, 8, 12, 24));
  options.increase_log_steps = false;
  options.log_first_step = true;
  EXPECT_THAT(counts(), ElementsAre(0, 12, 24));
  options.max_images = 0;
  EXPECT_THAT(counts(), ElementsAre());
}

}  // namespace
}  // namespace ldm::training
