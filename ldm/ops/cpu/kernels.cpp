#include "ldm/ops/cpu/kernels.h"

#include <ATen/Version.h>

#include <string>

namespace ldm::ops::cpu {

namespace baseline {
extern const Kernels kKernels;
}
#ifdef LDM_X86_KERNELS
namespace avx2 {
extern const Kernels kKernels;
}
namespace avx512 {
extern const Kernels kKernels;
}
#endif

const Kernels& kernels() {
  static const Kernels& chosen = []() -> const Kernels& {
#ifdef LDM_X86_KERNELS
    const std::string capability = at::get_cpu_capability();
    if (capability == "AVX512") return avx512::kKernels;
    if (capability == "AVX2") return avx2::kKernels;
#endif
    return baseline::kKernels;
  }();
  return chosen;
}

}  // namespace ldm::ops::cpu
