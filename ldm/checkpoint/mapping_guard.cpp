#include "ldm/checkpoint/mapping_guard.h"

#include <sys/mman.h>
#include <unistd.h>

#include <array>
#include <atomic>
#include <csignal>
#include <cstdint>
#include <mutex>

#include "ldm/checkpoint/error.h"

namespace ldm::checkpoint {
namespace {

constexpr std::size_t kMappings = 256;

// State of the process, because a signal handler gets none passed. The handler reads the atomics only.
struct Guarded {
  std::atomic<std::uintptr_t> begin{0};  // 0: the place is free
  std::atomic<std::uintptr_t> end{0};
  std::atomic<bool> cut{false};
  std::string path;  // under the mutex
};
std::array<Guarded, kMappings> guarded;
std::atomic<bool> any_cut{false};
std::mutex list_mutex;
struct sigaction previous_action;
std::atomic<std::uintptr_t> page_size{0};

Guarded* find_mapping(std::uintptr_t address) {
  for (Guarded& one : guarded) {
    const std::uintptr_t begin = one.begin.load(std::memory_order_acquire);
    if (begin != 0 && begin <= address && address < one.end.load(std::memory_order_acquire)) return &one;
  }
  return nullptr;
}

/// Lets what was there before us have the signal: its handler, or the end of the process when the faulting
/// instruction runs again.
void pass_on(int signal, siginfo_t* info, void* context) {
  if ((previous_action.sa_flags & SA_SIGINFO) != 0)
    return previous_action.sa_sigaction(signal, info, context);
  if (previous_action.sa_handler != SIG_DFL && previous_action.sa_handler != SIG_IGN) {
    return previous_action.sa_handler(signal);
  }
  ::sigaction(signal, &previous_action, nullptr);
}

void on_bus_error(int signal, siginfo_t* info, void* context) {
  const auto address = reinterpret_cast<std::uintptr_t>(info->si_addr);
  Guarded* mapping = find_mapping(address);
  if (mapping == nullptr) return pass_on(signal, info, context);
  const std::uintptr_t size = page_size.load(std::memory_order_relaxed);
  void* page = reinterpret_cast<void*>(address / size * size);
  void* zeros = ::mmap(page, size, PROT_READ | PROT_WRITE, MAP_FIXED | MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  if (zeros == MAP_FAILED) return pass_on(signal, info, context);
  mapping->cut.store(true, std::memory_order_release);
  any_cut.store(true, std::memory_order_release);
}

}  // namespace

void use_signal_stack() {
  constexpr std::size_t kBytes = 65536;  // a frame with all registers of AMX takes 11 kB
  thread_local std::array<char, kBytes> memory;
  stack_t before{}, stack{};
  if (::sigaltstack(nullptr, &before) != 0 || (before.ss_flags & SS_DISABLE) == 0) return;
  stack.ss_sp = memory.data();
  stack.ss_size = memory.size();
  ::sigaltstack(&stack, nullptr);
}

void install_mapping_guard() {
  use_signal_stack();
  page_size.store(static_cast<std::uintptr_t>(::sysconf(_SC_PAGESIZE)));
  struct sigaction action {};
  action.sa_sigaction = on_bus_error;
  action.sa_flags = SA_SIGINFO | SA_ONSTACK;
  ::sigemptyset(&action.sa_mask);
  struct sigaction before {};
  ::sigaction(SIGBUS, nullptr, &before);
  if ((before.sa_flags & SA_SIGINFO) != 0 && before.sa_sigaction == on_bus_error) return;
  previous_action = before;
  ::sigaction(SIGBUS, &action, nullptr);
}

void check_mappings() {
  if (!any_cut.load(std::memory_order_acquire)) return;
  const std::lock_guard<std::mutex> lock(list_mutex);
  for (const Guarded& one : guarded) {
    if (one.begin.load() != 0 && one.cut.load(std::memory_order_acquire)) throw_cut_file(one.path);
  }
}

void release_mapped(const void* data, std::size_t size) {
  const auto begin = reinterpret_cast<std::uintptr_t>(data);
  const Guarded* mapping = find_mapping(begin);
  if (mapping == nullptr || begin + size > mapping->end.load()) return;
  const auto page = static_cast<std::uintptr_t>(::sysconf(_SC_PAGESIZE));
  const std::uintptr_t first = (begin + page - 1) / page * page;  // neighbours keep the pages they share
  const std::uintptr_t last = (begin + size) / page * page;
  if (first < last) ::madvise(reinterpret_cast<void*>(first), last - first, MADV_DONTNEED);
}

int guard_mapping(const void* data, std::size_t size, const std::string& path) {
  const std::lock_guard<std::mutex> lock(list_mutex);
  for (std::size_t i = 0; i < guarded.size(); ++i) {
    Guarded& one = guarded[i];
    if (one.begin.load() != 0) continue;
    const auto begin = reinterpret_cast<std::uintptr_t>(data);
    one.path = path;
    one.cut.store(false);
    one.end.store(begin + size, std::memory_order_release);
    one.begin.store(begin, std::memory_order_release);
    return static_cast<int>(i);
  }
  return -1;
}

void unguard_mapping(int place) {
  if (place < 0) return;
  const std::lock_guard<std::mutex> lock(list_mutex);
  guarded[static_cast<std::size_t>(place)].begin.store(0, std::memory_order_release);
}

bool is_mapping_cut(int place) {
  return place >= 0 && guarded[static_cast<std::size_t>(place)].cut.load(std::memory_order_acquire);
}

void throw_cut_file(const std::string& path) {
  throw CheckpointError("'" + path +
                        "': expected a file that stays as it is while it is in use, got one that another "
                        "program cut short: what was computed from it is worth nothing; restore the file and "
                        "start again");
}

}  // namespace ldm::checkpoint
