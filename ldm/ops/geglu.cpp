#include "ldm/ops/geglu.h"

#include <ATen/ATen.h>

#include <algorithm>
#include <cstdint>
#include <vector>

#include "ldm/ops/cpu/geglu.h"

namespace ldm::ops {
namespace {

/// Enough for a product at full speed; of v1's widest layer both halves take 40 MB, of its most frequent 10
/// MB.
constexpr std::int64_t kRowsAtOnce = 1024;

/// [..., 2 * D] -> uninitialised [..., D].
at::Tensor empty_half(at::IntArrayRef sizes, const at::Tensor& projected) {
  std::vector<std::int64_t> half = sizes.vec();
  half.back() = projected.size(-1) / 2;
  return at::empty(half, projected.options());
}

}  // namespace

at::Tensor geglu(const at::Tensor& projected) {
  if (cpu::geglu_takes(projected)) {
    const at::Tensor out = empty_half(projected.sizes(), projected);
    cpu::geglu(projected, out);
    return out;
  }
  const auto halves = projected.chunk(2, -1);
  return halves[0] * at::gelu(halves[1]);
}

at::Tensor geglu_of(const at::Tensor& x, const std::function<at::Tensor(const at::Tensor&)>& project) {
  const std::int64_t rows = x.numel() / x.size(-1);
  // Gradients may flow to `project`, too.
  if (rows <= kRowsAtOnce || at::GradMode::is_enabled() || !cpu::geglu_takes(x)) return geglu(project(x));
  const at::Tensor flat = x.flatten(0, -2);
  at::Tensor out;
  for (std::int64_t row = 0; row < rows; row += kRowsAtOnce) {
    const std::int64_t count = std::min(kRowsAtOnce, rows - row);
    const at::Tensor projected = project(flat.narrow(0, row, count));
    if (!out.defined()) out = empty_half(x.sizes(), projected);
    cpu::geglu(projected, out.view({rows, -1}).narrow(0, row, count));
  }
  return out;
}

}  // namespace ldm::ops
