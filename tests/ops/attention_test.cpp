#include "ldm/ops/attention.h"

#include <ATen/ATen.h>
#include <gtest/gtest.h>

#include "ldm/ops/geglu.h"

namespace ldm::ops {
namespace {

TEST(Attention, EqualsItsDefinition) {
  const at::Tensor q = at::randn({2, 9, 24}), k = at::randn({2, 5, 24}), v = at::randn({2, 5, 24});
  EXPECT_TRUE(at::allclose(attention(q, k, v, 3), attention_reference(q, k, v, 3), 1e-5, 1e-6));
}

TEST(Attention, CausalRowsSeeNothingLater) {
  const at::Tensor q = at::randn({1, 6, 8}), k = at::randn({1, 6, 8}), v = at::randn({1, 6, 8});
  const at::Tensor out = attention(q, k, v, 2, /*causal=*/true);
  EXPECT_TRUE(at::allclose(out, attention_reference(q, k, v, 2, true), 1e-5, 1e-6));
  // The first row attends to the first value alone.
  EXPECT_TRUE(at::allclose(out.select(1, 0), v.select(1, 0), 1e-5, 1e-6));
}

TEST(Attention, WidthThatHeadsDoNotDivideIsRefused) {
  const at::Tensor x = at::randn({1, 4, 10});
  EXPECT_THROW(attention(x, x, x, 3), c10::Error);
}

TEST(Geglu, GatesTheFirstHalfByTheSecond) {
  const at::Tensor x = at::randn({3, 8});
  const at::Tensor expected = x.slice(1, 0, 4) * at::gelu(x.slice(1, 4, 8));
  EXPECT_TRUE(at::equal(geglu(x), expected));
}

}  // namespace
}  // namespace ldm::ops
