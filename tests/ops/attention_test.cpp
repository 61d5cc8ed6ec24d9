#include "ldm/ops/attention.h"

#include <ATen/ATen.h>
#include <ATen/Parallel.h>
#include <gtest/gtest.h>

#include <limits>
#include <vector>

#include "ldm/ops/cpu/flash_attention.h"
#include "ldm/ops/cpu/geglu.h"
#include "ldm/ops/cpu/products.h"
#include "ldm/ops/geglu.h"
#include "tests/ops/op_test_util.h"

namespace ldm::ops {
namespace {

struct Shape {
  std::int64_t batch, heads, width, queries, keys;
  bool causal = false;
};

class Attention : public ::testing::TestWithParam<Shape> {};

TEST_P(Attention, EqualsItsDefinition) {
  const Shape s = GetParam();
  // Scores that differ by several units, as those of trained models.
  const at::Tensor q = 3 * at::randn({s.batch, s.queries, s.heads * s.width});
  const at::Tensor k = at::randn({s.batch, s.keys, s.heads * s.width}), v = at::randn_like(k);
  const at::Tensor exact =
      attention_reference(q.to(at::kDouble), k.to(at::kDouble), v.to(at::kDouble), s.heads, s.causal);
  ASSERT_TRUE(cpu::flash_attention_takes(q, k, v, s.heads));
  const at::Tensor actual = attention(q, k, v, s.heads, s.causal);
  ASSERT_EQ(actual.sizes(), exact.sizes());
  EXPECT_LT(relative_error(actual, exact), 3e-6);
}

TEST_P(Attention, Bfloat16IsAsExactAsItsType) {
  const Shape s = GetParam();
  const at::Tensor q = (3 * at::randn({s.batch, s.queries, s.heads * s.width})).to(at::kBFloat16);
  const at::Tensor k = at::randn({s.batch, s.keys, s.heads * s.width}).to(at::kBFloat16);
  const at::Tensor v = at::randn(k.sizes()).to(at::kBFloat16);
  const at::Tensor exact =
      attention_reference(q.to(at::kDouble), k.to(at::kDouble), v.to(at::kDouble), s.heads, s.causal);
  EXPECT_EQ(cpu::flash_attention_takes(q, k, v, s.heads), s.width % 2 == 0 && cpu::multiplies_bf16());
  const at::Tensor actual = attention(q, k, v, s.heads, s.causal);
  ASSERT_EQ(actual.scalar_type(), at::kBFloat16);
  EXPECT_LT(relative_error(actual, exact), 8e-3);  // powers and result are each rounded: 2^-8 at most
}

// Queries and keys in less than a piece, in one and in several, heads of every width.
INSTANTIATE_TEST_SUITE_P(Shapes, Attention,
                         ::testing::Values(Shape{2, 3, 8, 9, 5}, Shape{1, 1, 1, 1, 1},
                                           Shape{2, 2, 40, 64, 77}, Shape{1, 2, 40, 130, 1100},
                                           Shape{1, 1, 512, 100, 513}, Shape{2, 2, 160, 33, 33},
                                           Shape{2, 12, 64, 77, 77, true}, Shape{1, 2, 24, 600, 600, true}));

TEST(Attention, ARowIsTheSameAloneAndInABatchAndForAnyNumberOfThreads) {
  const at::Tensor q = at::randn({3, 130, 48}), k = at::randn({3, 600, 48}), v = at::randn({3, 600, 48});
  const at::Tensor all = attention(q, k, v, 2);
  const auto row = [](const at::Tensor& x) { return x.slice(0, 1, 2); };
  EXPECT_TRUE(at::equal(attention(row(q), row(k), row(v), 2), row(all)));
  const int threads = at::get_num_threads();
  at::set_num_threads(1);
  const at::Tensor in_one = attention(q, k, v, 2);
  at::set_num_threads(threads);
  EXPECT_TRUE(at::equal(in_one, all));
}

TEST(Attention, CausalRowsSeeNothingLater) {
  const at::Tensor q = at::randn({1, 6, 8}), k = at::randn({1, 6, 8}), v = at::randn({1, 6, 8});
  const at::Tensor out = attention(q, k, v, 2, /*causal=*/true);
  // The first row attends to the first value alone.
  EXPECT_TRUE(at::allclose(out.select(1, 0), v.select(1, 0), 1e-5, 1e-6));
}

TEST(Attention, TakesViewsOfALargerTensor) {
  const at::Tensor all = at::randn({2, 20, 3 * 16});
  const auto parts = all.chunk(3, -1);
  const at::Tensor expected =
      attention(parts[0].contiguous(), parts[1].contiguous(), parts[2].contiguous(), 2);
  EXPECT_TRUE(at::equal(attention(parts[0], parts[1], parts[2], 2), expected));
}

TEST(Attention, NanInAQueryReachesItsRowAlone) {
  at::Tensor q = at::randn({1, 5, 8});
  q[0][2][0] = std::numeric_limits<float>::quiet_NaN();
  const at::Tensor k = at::randn({1, 7, 8}), out = attention(q, k, k, 1);
  EXPECT_TRUE(out[0][2].isnan().all().item<bool>());
  EXPECT_FALSE(out[0][1].isnan().any().item<bool>());
}

TEST(Attention, WidthThatHeadsDoNotDivideIsRefused) {
  const at::Tensor x = at::randn({1, 4, 10});
  EXPECT_THROW(attention(x, x, x, 3), c10::Error);
}

TEST(Geglu, GatesTheFirstHalfByTheSecond) {
  for (const std::int64_t width : {1, 4, 40, 131}) {
    const at::Tensor x = 3 * at::randn({3, 5, 2 * width}), exact = x.to(at::kDouble);
    const at::Tensor expected = exact.slice(-1, 0, width) * at::gelu(exact.slice(-1, width));
    ASSERT_TRUE(cpu::geglu_takes(x));
    EXPECT_LT(relative_error(geglu(x), expected), 1e-6);
    const at::Tensor rounded = x.to(at::kBFloat16), wide = rounded.to(at::kDouble);
    EXPECT_LT(relative_error(geglu(rounded), wide.slice(-1, 0, width) * at::gelu(wide.slice(-1, width))),
              4e-3);
  }
}

TEST(Geglu, OfManyRowsInPartsIsTheSame) {
  const at::Tensor weight = at::randn({12, 7});
  std::int64_t calls = 0;
  const auto project = [&](const at::Tensor& rows) {
    ++calls;
    return at::linear(rows, weight);
  };
  for (const auto& sizes : {std::vector<std::int64_t>{2, 1500, 7}, {1, 1024, 7}, {3, 7}}) {
    const at::Tensor x = at::randn(sizes);
    at::Tensor actual;
    {
      const at::NoGradGuard no_grad;
      calls = 0;
      actual = geglu_of(x, project);
      EXPECT_EQ(calls, x.numel() / 7 > 1024 ? 3 : 1);
    }
    ASSERT_EQ(actual.size(-1), 6);
    EXPECT_LT(relative_error(actual, geglu(at::linear(x, weight))), 1e-6);
  }
}

TEST(Geglu, GradientsFlowThroughTheProjection) {
  const at::Tensor weight = at::randn({4, 7}).set_requires_grad(true);
  geglu_of(at::randn({2000, 7}), [&](const at::Tensor& x) { return at::linear(x, weight); }).sum().backward();
  EXPECT_TRUE(weight.grad().defined());
}

TEST(Geglu, FarFromZeroTheGateIsOpenOrShut) {
  const at::Tensor x =
      at::tensor({2.0f, 2.0f, 2.0f, 100.0f, -100.0f, std::numeric_limits<float>::quiet_NaN()});
  const at::Tensor y = geglu(x.view({1, 6}));
  EXPECT_EQ(y[0][0].item<float>(), 200.0f);
  EXPECT_NEAR(y[0][1].item<float>(), 0.0f, 1e-30);
  EXPECT_TRUE(y[0][2].isnan().item<bool>());
}

}  // namespace
}  // namespace ldm::ops
