#include "tests/ops/op_test_util.h"

#include <ATen/ATen.h>

namespace ldm::ops {

double relative_error(const at::Tensor& actual, const at::Tensor& expected) {
  const at::Tensor exact = expected.to(at::kDouble);
  return ((actual.to(at::kDouble) - exact).norm() / exact.norm()).item<double>();
}

}  // namespace ldm::ops
