#include "ldm/ops/geglu.h"

#include <ATen/ATen.h>

#include "ldm/ops/cpu/geglu.h"

namespace ldm::ops {

at::Tensor geglu(const at::Tensor& projected) {
  if (cpu::geglu_takes(projected)) return cpu::geglu(projected);
  const auto halves = projected.chunk(2, -1);
  return halves[0] * at::gelu(halves[1]);
}

}  // namespace ldm::ops
