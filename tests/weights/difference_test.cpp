#include "ldm/weights/difference.h"

#include <ATen/ATen.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <nlohmann/json.hpp>

#include "ldm/checkpoint/error.h"
#include "ldm/weights/difference_report.h"
#include "tests/support/files.h"
#include "tests/weights/small_weights.h"

namespace ldm::weights {
namespace {

using ldm::testing::open_small;
using ldm::testing::small_plain;
using ldm::testing::small_weights;
using ldm::testing::with;
using ldm::testing::without;
using ::testing::AllOf;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::Not;

constexpr const char* kIn = "model.diffusion_model.input_blocks.0.0.weight";
constexpr const char* kOut = "model.diffusion_model.out.2.bias";

TEST(Difference, OfEqualWeightsIsNone) {
  const auto tensors = with(small_weights(), "model.diffusion_model.nan", at::full({3}, NAN));
  const Difference difference = compare_weights(open_small(tensors), open_small(tensors));
  EXPECT_TRUE(difference.none());
  EXPECT_EQ(difference.same, static_cast<std::int64_t>(tensors.size()));
}

TEST(Difference, IsSortedAndComplete) {
  auto other = with(small_weights(), kOut, at::tensor({2.0f, 2.25f, 2.75f}));  // by 0.25
  other = with(other, kIn, at::full({4, 2}, 100.0f));                          // by much
  other = with(other, "betas", at::ones({5}));                                 // another shape
  other = with(other, "first_stage_model.encoder.conv_in.weight",
               small_weights()[7].second.to(at::kHalf));  // another type
  other = with(without(other, "model_ema.decay"), "more", at::ones({1}));
  const Difference difference = compare_weights(open_small(small_weights()), open_small(other));
  ASSERT_EQ(difference.changed.size(), 4U);
  EXPECT_EQ(difference.changed[0].name, "betas");
  EXPECT_EQ(difference.changed[0].sizes_b, std::vector<std::int64_t>{5});
  EXPECT_EQ(difference.changed[1].name, kIn);
  EXPECT_EQ(difference.changed[2].name, kOut);
  EXPECT_EQ(difference.changed[2].distance.largest, 0.25);
  EXPECT_EQ(difference.changed[2].distance.unequal, 1);
  EXPECT_DOUBLE_EQ(difference.changed[2].distance.relative(), 0.25 / std::sqrt(4 + 2.25 * 2.25 + 2.5 * 2.5));
  EXPECT_EQ(difference.changed[3].dtype_b, at::kHalf);
  EXPECT_EQ(difference.changed[3].distance.unequal, 0);
  EXPECT_THAT(difference.only_a, ElementsAre("model_ema.decay"));
  EXPECT_THAT(difference.only_b, ElementsAre("more"));
  EXPECT_EQ(difference.same, static_cast<std::int64_t>(small_weights().size()) - 5);
}

TEST(Difference, OfAveragesIsToldByBlock) {
  const Difference difference = compare_averages(open_small(small_weights()));
  ASSERT_EQ(difference.groups.size(), 2U);
  EXPECT_EQ(difference.groups[0].name, "input_blocks.0");
  EXPECT_EQ(difference.groups[1].name, "out");
  const auto squares = small_weights()[1].second.square().sum().item<double>();
  EXPECT_DOUBLE_EQ(difference.groups[0].distance.relative(), std::sqrt(8 * 0.25 / squares));
  EXPECT_EQ(difference.groups[0].distance.largest, 0.5);
  ASSERT_EQ(difference.changed.size(), 2U);
  EXPECT_EQ(difference.changed[0].distance.largest, 0.5);
}

TEST(Difference, OfAveragesNeedsThem) {
  EXPECT_THAT(ldm::testing::error_of<checkpoint::CheckpointError>(
                  [] { compare_averages(open_small(small_plain())); }),
              HasSubstr("got no weight with an average"));
}

TEST(DifferenceReport, CutsListsAtTheLimit) {
  const auto other = with(with(small_weights(), kIn, at::ones({4, 2})), kOut, at::ones({3}));
  const Difference difference = compare_weights(open_small(small_weights()), open_small(other));
  EXPECT_THAT(to_text(difference, 1), AllOf(HasSubstr("9 same, 2 different"), HasSubstr("and 1 more")));
  EXPECT_THAT(to_text(difference, 0), AllOf(HasSubstr(kIn), HasSubstr(kOut), Not(HasSubstr(" more"))));
}

TEST(DifferenceReport, IsJson) {
  auto other = with(small_weights(), kIn, at::full({4, 2}, NAN));
  other = with(without(other, "betas"), "more", at::ones({1}));
  const auto json =
      nlohmann::json::parse(to_json(compare_weights(open_small(small_weights()), open_small(other)), 20));
  EXPECT_EQ(json["different"], 1);
  EXPECT_EQ(json["only_in_a"], 1);
  EXPECT_EQ(json["names_only_in_b"][0], "more");
  EXPECT_EQ(json["tensors"][0]["name"], kIn);
  EXPECT_EQ(json["tensors"][0]["unequal"], 8);
  EXPECT_TRUE(json["tensors"][0]["relative_l2"].is_null()) << "infinite";
  EXPECT_EQ(json["groups"]["input_blocks.0"]["different"], 1);
}

}  // namespace
}  // namespace ldm::weights
