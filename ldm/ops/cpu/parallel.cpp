#include "ldm/ops/cpu/parallel.h"

#include <ATen/Parallel.h>

#ifndef _OPENMP
#error "expected OpenMP: without it every kernel would run in one thread"
#endif

namespace ldm::ops::cpu {

void parallel_for(std::int64_t count, std::int64_t grain,
                  const std::function<void(std::int64_t begin, std::int64_t end)>& function) {
  at::parallel_for(0, count, grain, function);
}

}  // namespace ldm::ops::cpu
