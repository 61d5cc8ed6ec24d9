#include "ldm/ops/group_norm.h"

#include <ATen/ATen.h>
#include <gtest/gtest.h>

namespace ldm::ops {
namespace {

double relative_error(const at::Tensor& actual, const at::Tensor& expected) {
  return ((actual.to(at::kDouble) - expected).norm() / expected.norm()).item<double>();
}

/// A map that is large enough for the path with statistics by bands, in channels_last.
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

TEST(LargeGroupNorm, AFlatMapGivesTheBias) {
  const at::NoGradGuard no_grad;
  const at::Tensor x = at::full({1, 16, 150, 201}, 7.0).contiguous(at::MemoryFormat::ChannelsLast);
  const at::Tensor weight = at::ones({16}), bias = at::randn({16});
  const at::Tensor actual = group_norm(x, 2, weight, bias, 1e-6);
  EXPECT_TRUE(at::allclose(actual, bias.view({1, 16, 1, 1}).expand_as(x), 0, 1e-3));
}

}  // namespace
}  // namespace ldm::ops
