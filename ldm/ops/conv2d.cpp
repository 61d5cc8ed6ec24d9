#include "ldm/ops/conv2d.h"

#include <ATen/ATen.h>

namespace ldm::ops {

at::Tensor conv2d(const at::Tensor& x, const at::Tensor& weight, const at::Tensor& bias, std::int64_t stride,
                  std::int64_t padding) {
  return at::conv2d(x, weight, bias, {stride, stride}, {padding, padding});
}

}  // namespace ldm::ops
