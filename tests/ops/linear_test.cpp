#include "ldm/ops/linear.h"

#include <ATen/ATen.h>
#include <gtest/gtest.h>

#include <limits>

#include "ldm/ops/conv2d.h"
#include "ldm/ops/onednn.h"
#include "tests/ops/op_test_util.h"

namespace ldm::ops {
namespace {

/// What rounding values of a type once or twice comes to.
double error_of(c10::ScalarType type) {
  if (type == at::kHalf) return 1e-3;
  return type == at::kBFloat16 ? 8e-3 : 1e-6;
}

class Products : public ::testing::TestWithParam<c10::ScalarType> {
 protected:
  at::Tensor random(at::IntArrayRef sizes) const { return at::randn(sizes).to(GetParam()); }
  static at::Tensor exact(const at::Tensor& x) { return x.defined() ? x.to(at::kDouble) : x; }
};

TEST_P(Products, LinearIsAsExactAsItsType) {
  for (const bool has_bias : {true, false}) {
    const at::Tensor x = random({3, 5, 70}), weight = random({33, 70});
    const at::Tensor bias = has_bias ? random({33}) : at::Tensor();
    const at::Tensor actual = linear(x, weight, bias);
    ASSERT_EQ(actual.scalar_type(), GetParam());
    const at::Tensor expected = at::linear(exact(x), exact(weight), exact(bias));
    ASSERT_EQ(actual.sizes(), expected.sizes());
    EXPECT_LT(relative_error(actual, expected), error_of(GetParam()));
    EXPECT_LT(relative_error(linear(x.transpose(0, 1), weight, bias), expected.transpose(0, 1)),
              error_of(GetParam()));
  }
}

TEST_P(Products, ConvolutionsAreAsExactAsTheirType) {
  for (const std::int64_t kernel : {1, 3}) {
    for (const std::int64_t stride : {1, 2}) {
      const at::Tensor x = random({2, 32, 7, 10}), weight = random({48, 32, kernel, kernel}),
                       bias = random({48});
      const at::Tensor actual = conv2d(x, weight, bias, stride, kernel / 2);
      ASSERT_EQ(actual.scalar_type(), GetParam());
      const at::Tensor expected = conv2d_reference(exact(x), exact(weight), exact(bias), stride, kernel / 2);
      ASSERT_EQ(actual.sizes(), expected.sizes());
      EXPECT_LT(relative_error(actual, expected), error_of(GetParam())) << kernel << ' ' << stride;
    }
  }
}

INSTANTIATE_TEST_SUITE_P(Types, Products, ::testing::Values(at::kFloat, at::kBFloat16, at::kHalf));

TEST(OnednnLinear, APackedWeightGivesWhatAPlainOneDoes) {
  if (!onednn_reorders_linear()) GTEST_SKIP() << "this processor multiplies with plain weights";
  const at::Tensor x = at::randn({9, 48}), weight = at::randn({70, 48}), bias = at::randn({70});
  EXPECT_LT(
      relative_error(onednn_linear(x, onednn_pack_linear(weight), bias), onednn_linear(x, weight, bias)),
      1e-6);
}

TEST(Linear, GradientsFlow) {
  const at::Tensor x = at::randn({4, 6}), weight = at::randn({3, 6}).set_requires_grad(true);
  linear(x, weight, at::Tensor()).sum().backward();
  EXPECT_TRUE(at::allclose(weight.grad(), x.sum(0).expand({3, 6}), 1e-5, 1e-6));
}

TEST(Linear, NanStaysNan) {
  for (const auto type : {at::kFloat, at::kBFloat16, at::kHalf}) {
    at::Tensor x = at::ones({2, 16}).to(type);
    x[0][3] = std::numeric_limits<float>::quiet_NaN();
    const at::Tensor y = linear(x, at::ones({16, 16}).to(type), at::Tensor());
    EXPECT_TRUE(y[0].isnan().all().item<bool>());
    EXPECT_FALSE(y[1].isnan().any().item<bool>());
  }
}

}  // namespace
}  // namespace ldm::ops
