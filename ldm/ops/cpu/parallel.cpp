#include "ldm/ops/cpu/parallel.h"

#include <ATen/Parallel.h>

#include <atomic>

#ifndef _OPENMP
#error "expected OpenMP: without it every kernel would run in one thread"
#endif

namespace ldm::ops::cpu {

void parallel_for(std::int64_t count, std::int64_t grain,
                  const std::function<void(std::int64_t begin, std::int64_t end)>& function) {
  at::parallel_for(0, count, grain, function);
}

void in_each_thread(const std::function<void()>& function) {
  at::parallel_for(0, at::get_num_threads(), /*grain=*/1, [&](std::int64_t, std::int64_t) { function(); });
}

void parallel_tasks(std::int64_t count, const std::function<void(std::int64_t task)>& function) {
  std::atomic<std::int64_t> next = 0;
  in_each_thread([&] {
    for (std::int64_t task; (task = next++) < count;) function(task);
  });
}

}  // namespace ldm::ops::cpu
