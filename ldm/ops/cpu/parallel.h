#pragma once

#include <cstdint>
#include <functional>

namespace ldm::ops::cpu {

/// Shares [0, count) out to torch's threads in equal ranges of at least `grain`: at::parallel_for, which runs
/// in one thread wherever it is compiled without OpenMP.
void parallel_for(std::int64_t count, std::int64_t grain,
                  const std::function<void(std::int64_t begin, std::int64_t end)>& function);

/// Calls `function` once in each of torch's threads.
void in_each_thread(const std::function<void()>& function);

/// The same as parallel_for for tasks that take different times: each thread takes the next one when it has
/// done its last.
void parallel_tasks(std::int64_t count, const std::function<void(std::int64_t task)>& function);

}  // namespace ldm::ops::cpu
