#include "ldm/ops/cpu/geglu.h"

#include <ATen/ATen.h>

#include "ldm/ops/cpu/kernels.h"
#include "ldm/ops/cpu/parallel.h"
#include "ldm/ops/cpu/takes.h"

namespace ldm::ops::cpu {

bool geglu_takes(const at::Tensor& projected) {
  return takes({projected});
}

void geglu(const at::Tensor& projected, const at::Tensor& out) {
  const std::int64_t both = projected.size(-1), width = both / 2;
  TORCH_CHECK(both % 2 == 0, "geglu: expected an even width, got ", both);
  TORCH_CHECK(out.is_contiguous() && out.scalar_type() == projected.scalar_type() &&
                  out.numel() == projected.numel() / 2,
              "geglu: expected contiguous memory for half of ", projected.sizes(), ", got ", out.sizes());
  const at::Tensor input = projected.contiguous();
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
}

}  // namespace ldm::ops::cpu
