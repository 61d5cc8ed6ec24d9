#include "ldm/ops/conv2d.h"

#include <ATen/ATen.h>
#include <ATen/Version.h>
#include <gtest/gtest.h>

#include "ldm/ops/onednn.h"

namespace ldm::ops {
namespace {

struct Shape {
  std::int64_t batch, in, out, height, width, kernel, stride, padding;
  bool bias;
};

class OnednnConv2d : public ::testing::TestWithParam<Shape> {};

TEST_P(OnednnConv2d, EqualsAtensConvolution) {
  const Shape s = GetParam();
  const at::Tensor x = at::randn({s.batch, s.in, s.height, s.width});
  const at::Tensor weight =
      at::randn({s.out, s.in, s.kernel, s.kernel}) / std::sqrt(s.in * s.kernel * s.kernel);
  const at::Tensor bias = s.bias ? at::randn({s.out}) : at::Tensor();
  for (const auto format : {at::MemoryFormat::Contiguous, at::MemoryFormat::ChannelsLast}) {
    const at::Tensor input = x.contiguous(format);
    const at::Tensor actual = onednn_conv2d(input, weight, bias, s.stride, s.padding);
    const at::Tensor expected = conv2d_reference(input, weight, bias, s.stride, s.padding);
    ASSERT_EQ(actual.sizes(), expected.sizes());
    EXPECT_TRUE(at::allclose(actual, expected, 1e-4, 1e-5));
    EXPECT_TRUE(actual.is_contiguous(at::MemoryFormat::ChannelsLast));
  }
}

INSTANTIATE_TEST_SUITE_P(
    Shapes, OnednnConv2d,
    ::testing::Values(Shape{2, 16, 24, 9, 7, 3, 1, 1, true}, Shape{1, 4, 320, 8, 8, 3, 1, 1, true},
                      Shape{2, 32, 32, 10, 11, 3, 2, 1, true}, Shape{1, 8, 8, 9, 9, 3, 2, 0, true},
                      Shape{3, 24, 12, 5, 5, 1, 1, 0, false}, Shape{1, 320, 4, 1, 1, 3, 1, 1, true}));

TEST(OnednnTakes, OnlyOneTypeOnTheCpuWithoutAGradient) {
  const at::Tensor x = at::randn({1, 2, 4, 4}), weight = at::randn({2, 2, 3, 3});
  EXPECT_TRUE(onednn_takes(x, weight));
  EXPECT_EQ(onednn_takes(x.to(at::kBFloat16), weight.to(at::kBFloat16)),
            at::get_cpu_capability() == "AVX512");
  EXPECT_FALSE(onednn_takes(x, weight.to(at::kBFloat16)));
  EXPECT_FALSE(onednn_takes(at::empty({0, 2, 4, 4}), weight));
  const at::Tensor trained = weight.clone().set_requires_grad(true);
  EXPECT_FALSE(onednn_takes(x, trained));
  const at::NoGradGuard no_grad;
  EXPECT_TRUE(onednn_takes(x, trained));
}

TEST(Conv2d, AGradientOfTheBiasAloneFlows) {
  for (const std::int64_t channels : {3, 16}) {
    const at::Tensor x = at::randn({1, channels, 4, 4}), weight = at::randn({channels, channels, 3, 3});
    const at::Tensor bias = at::randn({channels}).set_requires_grad(true);
    conv2d(x, weight, bias, 1, 1).sum().backward();
    ASSERT_TRUE(bias.grad().defined());
  }
}

TEST(Conv2d, GradientsFlowThroughTheLayer) {
  const at::Tensor x = at::randn({1, 2, 4, 4});
  const at::Tensor weight = at::randn({2, 2, 3, 3}).set_requires_grad(true);
  conv2d(x, weight, at::Tensor(), 1, 1).sum().backward();
  ASSERT_TRUE(weight.grad().defined());
  EXPECT_GT(weight.grad().abs().sum().item<float>(), 0);
}

}  // namespace
}  // namespace ldm::ops
