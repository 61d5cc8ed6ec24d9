#pragma once

#include <cstdint>
#include <functional>

namespace ldm::ops::cpu {

/// Shares [0, count) out to torch's threads in equal ranges of at least `grain`: at::parallel_for, which runs
/// in one thread wherever it is compiled without OpenMP.
void parallel_for(std::int64_t count, std::int64_t grain,
                  const std::function<void(std::int64_t begin, std::int64_t end)>& function);

/// The same for tasks that take different times: each thread takes the next one when it has done its last.
void parallel_tasks(std::int64_t count, const std::function<void(std::int64_t task)>& function);

}  // namespace ldm::ops::cpu
