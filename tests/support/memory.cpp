#include "tests/support/memory.h"

#include <fstream>

namespace ldm::testing {

std::int64_t process_memory(const std::string& name) {
  std::ifstream status("/proc/self/status");
  for (std::string word; status >> word;) {
    std::int64_t kilobytes = 0;
    if (word == name + ":" && status >> kilobytes) return kilobytes * 1024;
  }
  return -1;
}

}  // namespace ldm::testing
