#include "ldm/ops/group_norm.h"

#include <ATen/ATen.h>
#include <ATen/Parallel.h>
#include <gtest/gtest.h>

#include <limits>

#include "tests/ops/op_test_util.h"

namespace ldm::ops {
namespace {

/// A map over which float32 squares added up in a row would lose a digit, in channels_last.
at::Tensor large_map(double mean, double deviation) {
  return (at::randn({2, 16, 150, 201}) * deviation + mean).contiguous(at::MemoryFormat::ChannelsLast);
}

class LargeGroupNorm : public ::testing::TestWithParam<double> {};

TEST_P(LargeGroupNorm, EqualsFloat64) {
  const at::NoGradGuard no_grad;  // with gradients it is ATen's, which is off by 2e-5 at a mean of -10
  const at::Tensor x = large_map(GetParam(), 2.0), weight = at::randn({16}), bias = at::randn({16});
  const at::Tensor expected =
      at::group_norm(x.to(at::kDouble).contiguous(), 4, weight.to(at::kDouble), bias.to(at::kDouble), 1e-6);
  const at::Tensor actual = group_norm(x, 4, weight, bias, 1e-6);
  EXPECT_LT(relative_error(actual, expected), 2e-6);
  EXPECT_TRUE(actual.is_contiguous(at::MemoryFormat::ChannelsLast));
  EXPECT_LT(relative_error(group_norm_silu(x, 4, weight, bias, 1e-6), at::silu(expected)), 2e-6);
}

INSTANTIATE_TEST_SUITE_P(Means, LargeGroupNorm, ::testing::Values(0.0, 3.0, -10.0));

TEST(GroupNorm, WidthsThatVectorsDoNotDivide) {
  const at::NoGradGuard no_grad;
  for (const std::int64_t width : {1, 3, 7, 21}) {
    const at::Tensor x = at::randn({3, 2 * width, 5, 3}).contiguous(at::MemoryFormat::ChannelsLast);
    const at::Tensor weight = at::randn({2 * width}), bias = at::randn({2 * width});
    const at::Tensor expected = at::silu(at::group_norm(x.to(at::kDouble).contiguous(), 2,
                                                        weight.to(at::kDouble), bias.to(at::kDouble), 1e-5));
    EXPECT_LT(relative_error(group_norm_silu(x, 2, weight, bias, 1e-5), expected), 2e-6);
  }
}

TEST(GroupNorm, RoundsBfloat16OnlyAtTheEnd) {
  const at::NoGradGuard no_grad;
  const at::Tensor x =
      (at::randn({2, 40, 19, 30}) + 2).to(at::kBFloat16).contiguous(at::MemoryFormat::ChannelsLast);
  const at::Tensor weight = at::randn({40}).to(at::kBFloat16), bias = at::randn({40}).to(at::kBFloat16);
  const at::Tensor expected = at::silu(
      at::group_norm(x.to(at::kDouble).contiguous(), 8, weight.to(at::kDouble), bias.to(at::kDouble), 1e-5));
  const at::Tensor actual = group_norm_silu(x, 8, weight, bias, 1e-5);
  ASSERT_EQ(actual.scalar_type(), at::kBFloat16);
  EXPECT_LT(relative_error(actual, expected), 2.5e-3);
}

TEST(GroupNorm, IsTheSameForAnyNumberOfThreads) {
  const at::NoGradGuard no_grad;
  const at::Tensor x = large_map(1.0, 2.0), weight = at::randn({16}), bias = at::randn({16});
  const at::Tensor shared = group_norm(x, 4, weight, bias, 1e-6);
  const int threads = at::get_num_threads();
  at::set_num_threads(1);
  const at::Tensor in_one = group_norm(x, 4, weight, bias, 1e-6);
  at::set_num_threads(threads);
  EXPECT_TRUE(at::equal(in_one, shared));
}

TEST(GroupNorm, AWeightOfAnotherLengthIsRefused) {
  const at::NoGradGuard no_grad;
  const at::Tensor x = at::randn({1, 8, 4, 4}).contiguous(at::MemoryFormat::ChannelsLast);
  EXPECT_THROW(group_norm(x, 2, at::ones({7}), at::zeros({8}), 1e-5), c10::Error);
}

TEST(GroupNorm, NanSpoilsItsGroupAlone) {
  const at::NoGradGuard no_grad;
  at::Tensor x = at::randn({1, 8, 4, 4}).contiguous(at::MemoryFormat::ChannelsLast);
  x[0][1][2][3] = std::numeric_limits<float>::quiet_NaN();
  const at::Tensor y = group_norm(x, 2, at::ones({8}), at::zeros({8}), 1e-5);
  EXPECT_TRUE(y.slice(1, 0, 4).isnan().all().item<bool>());
  EXPECT_FALSE(y.slice(1, 4).isnan().any().item<bool>());
}

TEST(LargeGroupNorm, AFlatMapGivesTheBias) {
  const at::NoGradGuard no_grad;
  const at::Tensor x = at::full({1, 16, 150, 201}, 7.0).contiguous(at::MemoryFormat::ChannelsLast);
  const at::Tensor weight = at::ones({16}), bias = at::randn({16});
  const at::Tensor actual = group_norm(x, 2, weight, bias, 1e-6);
  EXPECT_TRUE(at::allclose(actual, bias.view({1, 16, 1, 1}).expand_as(x), 0, 1e-3));
}

}  // namespace
}  // namespace ldm::ops
