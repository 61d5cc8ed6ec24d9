#include "ldm/checkpoint/parallel_pieces.h"

#include <ATen/Parallel.h>

#include <algorithm>
#include <atomic>
#include <exception>
#include <mutex>
#include <system_error>
#include <thread>
#include <vector>

namespace ldm::checkpoint {
namespace {

// The memory is the bottleneck before this many.
constexpr std::size_t kMostThreads = 16;

/// The pieces, handed out one by one.
class Work {
 public:
  Work(std::size_t count, const std::function<void(std::size_t)>& body) : count_(count), body_(body) {}

  void run() {
    try {
      for (std::size_t i = next_++; i < count_; i = next_++) body_(i);
    } catch (...) {
      next_ = count_;
      const std::lock_guard<std::mutex> lock(mutex_);
      if (!error_) error_ = std::current_exception();
    }
  }
  void rethrow() const {
    if (error_) std::rethrow_exception(error_);
  }

 private:
  std::size_t count_;
  const std::function<void(std::size_t)>& body_;
  std::atomic<std::size_t> next_{0};
  std::mutex mutex_;
  std::exception_ptr error_;
};

}  // namespace

void for_each_piece(std::size_t count, const std::function<void(std::size_t)>& body) {
  Work work(count, body);
  std::vector<std::thread> helpers;
  const auto threads = static_cast<std::size_t>(std::max(at::get_num_threads(), 1));
  const std::size_t wanted = std::min({count, threads, kMostThreads});
  helpers.reserve(wanted);
  try {
    for (std::size_t i = 1; i < wanted; ++i) helpers.emplace_back([&work] { work.run(); });
  } catch (const std::system_error&) {
    // No more threads to be had: those that there are do all of it.
  }
  work.run();
  for (std::thread& helper : helpers) helper.join();
  work.rethrow();
}

}  // namespace ldm::checkpoint
