#include "ldm/host_memory.h"

#include <ATen/ATen.h>
#include <gtest/gtest.h>

#include <cstdint>

#include "tests/support/memory.h"

namespace ldm {
namespace {

constexpr std::int64_t kBlock = 256 << 20;  // bytes

std::int64_t resident_bytes() {
  return testing::process_memory("VmRSS");
}

/// Makes a tensor of kBlock bytes, all of them touched, and frees it.
void use_a_block() {
  at::zeros({kBlock}, at::kByte).fill_(1);
}

// One test, since the state is the process's.
TEST(HostMemory, IsKeptAfterTheCallAndReturnedInTheScope) {
#if defined(__SANITIZE_ADDRESS__)
  GTEST_SKIP() << "the address sanitizer has an allocator of its own";
#endif
  const std::int64_t before = resident_bytes();
  ASSERT_GT(before, 0);
  use_a_block();
  EXPECT_LT(resident_bytes(), before + kBlock / 2) << "expected the C library to return large blocks";
  keep_freed_memory();
  use_a_block();
  EXPECT_GT(resident_bytes(), before + kBlock / 2);
  {
    const ReturnFreedMemory scope;
    EXPECT_LT(resident_bytes(), before + kBlock / 2) << "what was kept goes at once";
    use_a_block();
    EXPECT_LT(resident_bytes(), before + kBlock / 2);
  }
  use_a_block();
  EXPECT_GT(resident_bytes(), before + kBlock / 2) << "kept again after the scope";
}

}  // namespace
}  // namespace ldm
