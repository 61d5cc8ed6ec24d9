// What libFuzzer calls; LDM_FUZZ_RUN is the function of the target that this executable is for.

#include <cstddef>
#include <cstdint>
#include <string_view>

#include "tests/fuzz/targets.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  ldm::fuzz::LDM_FUZZ_RUN({reinterpret_cast<const char*>(data), size});
  return 0;
}
