#include <ATen/ATen.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>

#include "ldm/data/png.h"
#include "ldm/experiments/grid_layout.h"
#include "ldm/experiments/report.h"
#include "tests/experiments/experiment_test_util.h"

namespace ldm::experiments {
namespace {

using ldm::testing::painted;
using ldm::testing::plan_of;
using ::testing::ElementsAre;

constexpr const char* kTwoByTwo = "prompts: [ a ]\nseeds: [ 1, 2 ]\naxes: { cross: { scale: [ 1, 3 ] } }\n";

/// An experiment with as many columns: scales 1, 2, 3, ...
std::string columns(int count) {
  std::string scales = "1";
  for (int scale = 2; scale <= count; ++scale) scales += ", " + std::to_string(scale);
  return "prompts: [ a ]\naxes: { cross: { scale: [ " + scales + " ] } }\n";
}

at::Tensor part(const at::Tensor& grid, std::int64_t x, std::int64_t y, std::int64_t width,
                std::int64_t height) {
  return grid.narrow(0, y, height).narrow(1, x, width);
}

/// Where the picture of a row and a column has its place.
at::Tensor place(const at::Tensor& grid, const GridLayout& layout, std::size_t row, std::size_t column) {
  return part(grid, layout.x(column), layout.y(row), layout.picture_width, layout.picture_height);
}

/// Where the first label of a column has its place, below the title.
at::Tensor label_of_column(const at::Tensor& grid, const GridLayout& layout, std::size_t column) {
  return part(grid, layout.x(column), 2 * layout.gap + layout.text_height, layout.picture_width,
              layout.text_height);
}

bool is_all(const at::Tensor& pixels, int level) {
  return pixels.eq(level).all().item<bool>();
}

bool has_ink(const at::Tensor& pixels) {
  return pixels.min().item<int>() < 128;
}

TEST(LabelledGrid, FillsThePlaceOfEachPictureAndNoMore) {
  const Plan plan = plan_of(kTwoByTwo);
  const at::Tensor grid = labelled_grid(painted(plan, 64));
  const GridLayout layout = grid_layout(2, 2, 128, 128, true, 2);  // twice as large
  ASSERT_THAT(grid.sizes().vec(), ElementsAre(layout.y(2), layout.x(2), 3));
  for (std::size_t row = 0; row < 2; ++row) {
    for (std::size_t column = 0; column < 2; ++column) {
      // Seeds stand below each other and scales beside each other; picture k is of the colour k.
      EXPECT_TRUE(is_all(place(grid, layout, row, column), static_cast<int>(2 * column + row)))
          << row << ' ' << column;
    }
  }
  EXPECT_TRUE(
      is_all(part(grid, layout.x(1) - layout.gap, layout.y(0), layout.gap, layout.picture_height), 255));
  EXPECT_TRUE(
      is_all(part(grid, layout.x(0), layout.y(1) - layout.gap, layout.picture_width, layout.gap), 255));
}

TEST(LabelledGrid, LabelsTitleRowsAndColumns) {
  const Plan plan = plan_of(kTwoByTwo);
  const at::Tensor grid = labelled_grid(painted(plan, 64));
  const GridLayout layout = grid_layout(2, 2, 128, 128, true, 2);
  EXPECT_TRUE(has_ink(part(grid, 0, 0, layout.x(2), layout.gap + layout.text_height)));
  for (std::size_t line = 0; line < 2; ++line) {
    EXPECT_TRUE(has_ink(label_of_column(grid, layout, line))) << line;
    EXPECT_TRUE(has_ink(part(grid, 0, layout.y(line), layout.left, layout.text_height))) << line;
  }
}

TEST(LabelledGrid, LongPromptsTakeTheLinesBesideTheirPicture) {
  std::string prompt = "a fox";
  for (int i = 0; i < 60; ++i) prompt += " and a crow";
  const Plan plan = plan_of("prompts: [ " + prompt + ", a ]\n");
  const at::Tensor grid = labelled_grid(painted(plan, 64));
  const GridLayout layout = grid_layout(2, 1, 128, 128, true, 1);
  ASSERT_THAT(grid.sizes().vec(), ElementsAre(layout.y(2), layout.x(1), 3));
  const auto second_line = [&](std::size_t row) {
    return part(grid, 0, layout.y(row) + layout.text_height, layout.left, layout.text_height);
  };
  EXPECT_TRUE(has_ink(second_line(0)));
  EXPECT_TRUE(is_all(part(grid, 0, layout.y(1) - layout.gap, layout.left, layout.gap), 255));
  EXPECT_TRUE(is_all(second_line(1), 255)) << "the other prompt has one line, and this one ends in time";
}

TEST(LabelledGrid, LeavesAGreyPlaceForWhatIsNotDone) {
  const Plan plan = plan_of(kTwoByTwo);
  Results results = painted(plan, 64);
  results.pictures.pop_back();
  const at::Tensor grid = labelled_grid(results);
  const GridLayout layout = grid_layout(2, 2, 128, 128, true, 2);
  const at::Tensor empty = place(grid, layout, 1, 1);
  EXPECT_GT(empty.min().item<int>(), 200);
  EXPECT_LT(empty.max().item<int>(), 250) << "not the paper";
  EXPECT_TRUE(is_all(place(grid, layout, 0, 1), 2)) << "the others stay where they are";
}

TEST(LabelledGrid, ASmallerPictureStaysSmaller) {
  const Plan plan = plan_of(kTwoByTwo);
  Results results = painted(plan, 64);
  Record& record = results.pictures[3].record;
  record.picture = "images/small.png";
  record.width = record.height = 32;
  data::write_png(results.folder + "/" + record.picture, at::full({32, 32, 3}, 77, at::kByte));
  const at::Tensor grid = labelled_grid(results);
  const GridLayout layout = grid_layout(2, 2, 128, 128, true, 2);
  const at::Tensor own = place(grid, layout, 1, 1);
  EXPECT_TRUE(is_all(part(own, 0, 0, 64, 64), 77));
  EXPECT_TRUE(is_all(part(own, 64, 0, 64, 128), 255));
  EXPECT_TRUE(is_all(part(own, 0, 64, 128, 64), 255));
}

TEST(LabelledGrid, ShrinksThreeHundredColumns) {
  const Plan plan = plan_of(columns(300));
  const at::Tensor grid = labelled_grid(painted(plan, 64));
  const GridLayout layout = grid_layout(1, 300, 128, 128, false, 2);
  ASSERT_LT(layout.picture_width, 64);
  ASSERT_THAT(grid.sizes().vec(), ElementsAre(layout.y(1), layout.x(300), 3));
  EXPECT_LE(grid.size(1), kLongestGrid);
  for (const std::size_t column : {0U, 150U, 299U}) {
    EXPECT_TRUE(is_all(place(grid, layout, 0, column), static_cast<int>(column % 256))) << column;
  }
  // Where the name of the axis has no room, its value has.
  EXPECT_FALSE(label_of_column(grid, layout, 200).equal(label_of_column(grid, layout, 201)));
}

TEST(LabelledGrid, ShowsTheFirstOfTooManyRows) {
  const Plan plan = plan_of("prompts: [ a ]\nseeds: { from: 1, count: 2000 }\n");
  Results results;
  results.plan = &plan;  // nothing is done yet
  const at::Tensor grid = labelled_grid(results);
  const GridLayout layout = grid_layout(kMostLines, 1, 128, 128, true, 1);
  ASSERT_THAT(grid.sizes().vec(), ElementsAre(layout.y(kMostLines), layout.x(1), 3));
  EXPECT_LE(grid.size(0), kLongestGrid);
  EXPECT_LT(place(grid, layout, kMostLines - 1, 0).max().item<int>(), 250);
}

TEST(GridLayout, LettersFollowWhatIsShown) {
  const GridLayout whole = grid_layout(1, 2, 512, 512, true, 2),
                   shrunk = grid_layout(1, 300, 512, 512, true, 2);
  EXPECT_LT(shrunk.text_height, whole.text_height);
  EXPECT_LT(shrunk.left, whole.left);
}

TEST(GridLayout, HasRoomForMostLinesOfAnyPictures) {
  for (const std::int64_t side : {8, 64, 512, 16384}) {
    const GridLayout layout = grid_layout(kMostLines, kMostLines, side, side, true, 20);
    EXPECT_GE(layout.picture_width, 8) << side;
    EXPECT_LE(layout.x(kMostLines), kLongestGrid) << side;
    EXPECT_LE(layout.y(kMostLines), kLongestGrid) << side;
  }
}

}  // namespace
}  // namespace ldm::experiments
