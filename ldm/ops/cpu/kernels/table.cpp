#include "ldm/ops/cpu/kernels/functions.h"

#define LDM_TEXT_OF(name) #name
#define LDM_TEXT(name) LDM_TEXT_OF(name)

namespace ldm::ops::cpu::LDM_ISA {

extern const Kernels kKernels;
const Kernels kKernels = {LDM_TEXT(LDM_ISA), winograd_input,  winograd_filters, winograd_output,
                          softmax_columns,   scale_columns,   transpose,        channel_moments,
                          scale_shift,       geglu};

}  // namespace ldm::ops::cpu::LDM_ISA
