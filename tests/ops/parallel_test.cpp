#include "ldm/ops/cpu/parallel.h"

#include <gtest/gtest.h>

#include <atomic>
#include <stdexcept>
#include <vector>

namespace ldm::ops::cpu {
namespace {

TEST(ParallelTasks, EachIsDoneOnce) {
  for (const std::int64_t count : {0, 1, 1000}) {
    std::vector<std::atomic<int>> done(static_cast<std::size_t>(count));
    parallel_tasks(count, [&](std::int64_t task) { ++done[static_cast<std::size_t>(task)]; });
    for (const auto& times : done) EXPECT_EQ(times, 1);
  }
}

TEST(ParallelTasks, AnErrorOfOneReachesTheCaller) {
  const auto fail = [](std::int64_t task) {
    if (task == 5) throw std::runtime_error("the fifth");
  };
  EXPECT_THROW(parallel_tasks(100, fail), std::runtime_error);
}

}  // namespace
}  // namespace ldm::ops::cpu
