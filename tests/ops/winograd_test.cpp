#include "ldm/ops/cpu/winograd.h"

#include <ATen/ATen.h>
#include <ATen/Parallel.h>
#include <gtest/gtest.h>

#include <cmath>
#include <limits>

#include "ldm/ops/conv2d.h"
#include "tests/ops/op_test_util.h"

namespace ldm::ops::cpu {
namespace {

struct Shape {
  std::int64_t batch, in, out, height, width;
  bool bias = true;
};

class WinogradConv2d : public ::testing::TestWithParam<Shape> {};

TEST_P(WinogradConv2d, IsAsExactAsADirectSum) {
  const Shape s = GetParam();
  const at::Tensor x = at::randn({s.batch, s.in, s.height, s.width});
  const at::Tensor weight = at::randn({s.out, s.in, 3, 3}) / std::sqrt(9.0 * static_cast<double>(s.in));
  const at::Tensor bias = s.bias ? at::randn({s.out}) : at::Tensor();
  const at::Tensor exact = conv2d_reference(x.to(at::kDouble), weight.to(at::kDouble),
                                            s.bias ? bias.to(at::kDouble) : at::Tensor(), 1, 1);
  for (const auto format : {at::MemoryFormat::Contiguous, at::MemoryFormat::ChannelsLast}) {
    const at::Tensor actual = winograd_conv2d(x.contiguous(format), weight, bias);
    ASSERT_EQ(actual.sizes(), exact.sizes());
    EXPECT_TRUE(actual.is_contiguous(at::MemoryFormat::ChannelsLast));
    EXPECT_LT(relative_error(actual, exact), 1.5e-6);
  }
}

TEST_P(WinogradConv2d, RoundsBfloat16OnlyAtTheEnd) {
  const Shape s = GetParam();
  const at::Tensor x = at::randn({s.batch, s.in, s.height, s.width}).to(at::kBFloat16);
  const at::Tensor weight =
      (at::randn({s.out, s.in, 3, 3}) / std::sqrt(9.0 * static_cast<double>(s.in))).to(at::kBFloat16);
  const at::Tensor bias = s.bias ? at::randn({s.out}).to(at::kBFloat16) : at::Tensor();
  const at::Tensor exact = conv2d_reference(x.to(at::kDouble), weight.to(at::kDouble),
                                            s.bias ? bias.to(at::kDouble) : at::Tensor(), 1, 1);
  const at::Tensor actual = winograd_conv2d(x, weight, bias);
  ASSERT_EQ(actual.scalar_type(), at::kBFloat16);
  EXPECT_LT(relative_error(actual, exact), 4e-3);  // half a unit in the last of 8 places: 2^-8 at most
}

// Maps that tiles do not divide, several blocks of tiles, groups of blocks, and pieces of channels that are
// not full.
INSTANTIATE_TEST_SUITE_P(Shapes, WinogradConv2d,
                         ::testing::Values(Shape{1, 16, 16, 1, 1}, Shape{2, 16, 32, 4, 4, false},
                                           Shape{2, 48, 80, 9, 7}, Shape{1, 64, 64, 3, 50},
                                           Shape{3, 80, 144, 33, 30}, Shape{2, 320, 528, 8, 8, false},
                                           Shape{1, 960, 16, 90, 90}));

TEST(WinogradConv2d, NanReachesItsNeighboursAndNoOtherTile) {
  at::Tensor x = at::randn({1, 16, 12, 12});
  x.select(2, 5).select(2, 6).fill_(std::numeric_limits<float>::quiet_NaN());
  const at::Tensor y = winograd_conv2d(x, at::randn({16, 16, 3, 3}), at::Tensor());
  EXPECT_TRUE(y.slice(2, 4, 7).slice(3, 5, 8).isnan().all().item<bool>());
  at::Tensor others = y.clone();
  others.slice(2, 4, 8).slice(3, 4, 8).zero_();  // all pixels of a tile come from the same sums
  EXPECT_FALSE(others.isnan().any().item<bool>());
}

TEST(WinogradConv2d, ARowIsTheSameAloneAndInABatchAndForAnyNumberOfThreads) {
  const at::Tensor x = at::randn({3, 80, 20, 23}), weight = at::randn({48, 80, 3, 3});
  const at::Tensor all = winograd_conv2d(x, weight, at::Tensor());
  EXPECT_TRUE(at::equal(winograd_conv2d(x.slice(0, 1, 2), weight, at::Tensor()), all.slice(0, 1, 2)));
  const int threads = at::get_num_threads();
  at::set_num_threads(1);
  const at::Tensor in_one = winograd_conv2d(x, weight, at::Tensor());
  at::set_num_threads(threads);
  EXPECT_TRUE(at::equal(in_one, all));
}

TEST(WinogradTakes, OnlyWhatItCanDo) {
  const at::Tensor x = at::randn({1, 32, 8, 8}), weight = at::randn({16, 32, 3, 3});
  EXPECT_TRUE(winograd_takes(x, weight, {}, 1, 1));
  EXPECT_FALSE(winograd_takes(x, weight, {}, 2, 1));
  EXPECT_FALSE(winograd_takes(x, weight, {}, 1, 0));
  EXPECT_FALSE(winograd_takes(x, at::randn({16, 32, 1, 1}), {}, 1, 1));
  EXPECT_FALSE(winograd_takes(x, at::randn({4, 32, 3, 3}), {}, 1, 1));
  EXPECT_FALSE(winograd_takes(at::randn({1, 4, 8, 8}), at::randn({16, 4, 3, 3}), {}, 1, 1));
  EXPECT_TRUE(winograd_takes(x.to(at::kBFloat16), weight.to(at::kBFloat16), {}, 1, 1));
  EXPECT_FALSE(winograd_takes(x, weight.to(at::kBFloat16), {}, 1, 1));
  EXPECT_FALSE(winograd_takes(x.to(at::kHalf), weight.to(at::kHalf), {}, 1, 1));
  EXPECT_FALSE(winograd_takes(at::empty({0, 32, 8, 8}), weight, {}, 1, 1));
  EXPECT_FALSE(winograd_takes(x[0], weight, {}, 1, 1));
  EXPECT_TRUE(winograd_takes(x, weight, at::randn({16}), 1, 1));
  EXPECT_FALSE(winograd_takes(x, weight, at::randn({15}), 1, 1));
  EXPECT_FALSE(winograd_takes(x, weight, at::randn({16}).to(at::kBFloat16), 1, 1));
  EXPECT_FALSE(winograd_takes(x, weight, at::randn({16}).set_requires_grad(true), 1, 1));
  const at::Tensor trained = weight.clone().set_requires_grad(true);
  EXPECT_FALSE(winograd_takes(x, trained, {}, 1, 1));
  const at::NoGradGuard no_grad;
  EXPECT_TRUE(winograd_takes(x, trained, {}, 1, 1));
}

}  // namespace
}  // namespace ldm::ops::cpu
