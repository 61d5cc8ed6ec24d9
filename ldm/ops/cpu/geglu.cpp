#include "ldm/ops/cpu/geglu.h"

#include <ATen/ATen.h>

#include "ldm/ops/cpu/kernels.h"
#include "ldm/ops/cpu/parallel.h"
#include "ldm/ops/cpu/takes.h"

namespace ldm::ops::cpu {

bool geglu_takes(const at::Tensor& projected) {
  return takes({projected});
}

at::Tensor geglu(const at::Tensor& projected) {
  const std::int64_t both = projected.size(-1), width = both / 2;
  TORCH_CHECK(both % 2 == 0, "geglu: expected an even width, got ", both);
  const at::Tensor input = projected.contiguous();
  auto sizes = projected.sizes().vec();
  sizes.back() = width;
  const at::Tensor out = at::empty(sizes, projected.options());
  const std::int64_t grain = 1 + 65536 / both;
  with_type_of(input, [&](auto type) {
    using T = decltype(type);
    parallel_for(input.numel() / both, grain, [&](std::int64_t begin, std::int64_t end) {
      for (std::int64_t row = begin; row < end; ++row) {
        const T* values = values_of<T>(input) + row * both;
        kernels().of<T>().geglu(values, values + width, width, mutable_values_of<T>(out) + row * width);
      }
    });
  });
  return out;
}

}  // namespace ldm::ops::cpu
