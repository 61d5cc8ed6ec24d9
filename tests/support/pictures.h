#pragma once

#include <ATen/core/Tensor.h>
#include <gtest/gtest.h>

namespace ldm::testing {

/// Whether two 8-bit pictures are the same but for one level in at most `share` of their values: what the
/// reference differs by from itself with another order of its sums.
::testing::AssertionResult nearly_equal(const at::Tensor& a, const at::Tensor& b, double share = 0.003);

}  // namespace ldm::testing
