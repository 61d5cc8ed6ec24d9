#include "ldm/ops/cpu/kernels/functions.h"

#define LDM_TEXT_OF(name) #name
#define LDM_TEXT(name) LDM_TEXT_OF(name)

namespace ldm::ops::cpu::LDM_ISA {
namespace {

template <typename T>
constexpr TypedKernels<T> table_of() {
  return {Winograd<T>::input,        Winograd<T>::filters, Winograd<T>::output,
          Softmax<T>::columns,       Matrix<T>::transpose, Pointwise<T>::channel_moments,
          Pointwise<T>::scale_shift, Pointwise<T>::geglu};
}

}  // namespace

extern const Kernels kKernels;
const Kernels kKernels = {LDM_TEXT(LDM_ISA), table_of<float>(), table_of<Bf16>(), scale_columns};

}  // namespace ldm::ops::cpu::LDM_ISA
