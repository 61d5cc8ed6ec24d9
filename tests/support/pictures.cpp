#include "tests/support/pictures.h"

#include <ATen/ATen.h>

namespace ldm::testing {

::testing::AssertionResult nearly_equal(const at::Tensor& a, const at::Tensor& b, double share) {
  if (a.sizes() != b.sizes()) return ::testing::AssertionFailure() << a.sizes() << " and " << b.sizes();
  const at::Tensor difference = (a.to(at::kInt) - b.to(at::kInt)).abs();
  const auto most = difference.max().item<int>();
  const double changed = (difference > 0).to(at::kDouble).mean().item<double>();
  if (most <= 1 && changed <= share) return ::testing::AssertionSuccess();
  return ::testing::AssertionFailure() << changed * 100 << " % of the values differ, by up to " << most;
}

}  // namespace ldm::testing
