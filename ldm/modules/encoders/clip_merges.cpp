#include "ldm/modules/encoders/clip_merges.h"

#include <cstddef>

#ifndef LDM_CLIP_MERGES_FILE
#error "expected LDM_CLIP_MERGES_FILE, the path of bpe_simple_vocab_16e6.txt, to be defined by the build"
#endif

// clang-format off
__asm__(
    ".pushsection .rodata\n"
    ".balign 16\n"
    ".globl ldm_clip_merges_begin\n"
    ".hidden ldm_clip_merges_begin\n"
    ".type ldm_clip_merges_begin, %object\n"
    "ldm_clip_merges_begin:\n"
    ".incbin \"" LDM_CLIP_MERGES_FILE "\"\n"
    ".size ldm_clip_merges_begin, . - ldm_clip_merges_begin\n"
    ".globl ldm_clip_merges_end\n"
    ".hidden ldm_clip_merges_end\n"
    "ldm_clip_merges_end:\n"
    ".byte 0\n"
    ".popsection\n");
// clang-format on

extern "C" {
extern const char ldm_clip_merges_begin[] __attribute__((visibility("hidden")));
extern const char ldm_clip_merges_end[] __attribute__((visibility("hidden")));
}

namespace ldm {

std::string_view clip_merges() {
  return {ldm_clip_merges_begin, static_cast<std::size_t>(ldm_clip_merges_end - ldm_clip_merges_begin)};
}

}  // namespace ldm
