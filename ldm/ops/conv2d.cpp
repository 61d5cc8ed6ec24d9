#include "ldm/ops/conv2d.h"

#include <ATen/ATen.h>

#include "ldm/ops/cpu/takes.h"
#include "ldm/ops/cpu/winograd.h"
#include "ldm/ops/onednn.h"

namespace ldm::ops {

at::Tensor conv2d(const at::Tensor& x, const at::Tensor& weight, const at::Tensor& bias, std::int64_t stride,
                  std::int64_t padding) {
  if (cpu::winograd_takes(x, weight, bias, stride, padding)) return cpu::winograd_conv2d(x, weight, bias);
  if (cpu::widens({x, weight})) {
    return conv2d(cpu::widened(x), cpu::widened(weight), cpu::widened(bias), stride, padding)
        .to(x.scalar_type());
  }
  const bool is_pixelwise = weight.size(2) == 1 && weight.size(3) == 1 && stride == 1 && padding == 0;
  if (onednn_takes(x, weight, bias)) {
    return is_pixelwise ? onednn_pixelwise(x, weight.flatten(1), bias)
                        : onednn_conv2d(x, weight, bias, stride, padding);
  }
  return conv2d_reference(x, weight, bias, stride, padding);
}

at::Tensor conv2d_reference(const at::Tensor& x, const at::Tensor& weight, const at::Tensor& bias,
                            std::int64_t stride, std::int64_t padding) {
  return at::conv2d(x, weight, bias, {stride, stride}, {padding, padding});
}

}  // namespace ldm::ops
