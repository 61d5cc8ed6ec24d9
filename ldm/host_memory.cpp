#include "ldm/host_memory.h"

#include <climits>
#include <cstdio>

#if defined(__GLIBC__)
#include <malloc.h>
#endif

namespace ldm {
namespace {

#if defined(__GLIBC__)
constexpr int kDefaultMaps = 65536;

/// Mirrors the allocator's own state, which is the process's and cannot be asked.
bool keeping = false;

/// Blocks mapped apart from the heap are the ones that return to the kernel when they are freed.
void allow_maps(bool allow) {
  ::mallopt(M_MMAP_MAX, allow ? kDefaultMaps : 0);
}
#endif

}  // namespace

std::string gibibytes(std::int64_t bytes) {
  char text[32];
  std::snprintf(text, sizeof text, "%.1f GiB", static_cast<double>(bytes) / (1 << 30));
  return text;
}

void keep_freed_memory() {
#if defined(__GLIBC__)
  keeping = true;
  ::mallopt(M_TRIM_THRESHOLD, INT_MAX);
  ::mallopt(M_ARENA_MAX, 1);  // one thread may take what another has freed
  allow_maps(false);
#endif
}

ReturnFreedMemory::ReturnFreedMemory() {
#if defined(__GLIBC__)
  if (!keeping) return;
  ::malloc_trim(0);
  allow_maps(true);
#endif
}

ReturnFreedMemory::~ReturnFreedMemory() {
#if defined(__GLIBC__)
  if (keeping) allow_maps(false);
#endif
}

}  // namespace ldm
