#include "ldm/experiments/page_files.h"

#include <cstddef>

#if !defined(LDM_EXPERIMENT_PAGE_CSS) || !defined(LDM_EXPERIMENT_PAGE_JS)
#error \
    "expected LDM_EXPERIMENT_PAGE_CSS and LDM_EXPERIMENT_PAGE_JS, paths of files, to be defined by the build"
#endif

// clang-format off
#define LDM_EMBED(name, path)                        \
  __asm__(".pushsection .rodata\n"                   \
          ".globl " #name "_begin\n"                 \
          ".hidden " #name "_begin\n"                \
          #name "_begin:\n"                          \
          ".incbin \"" path "\"\n"                   \
          ".globl " #name "_end\n"                   \
          ".hidden " #name "_end\n"                  \
          #name "_end:\n"                            \
          ".byte 0\n"                                \
          ".popsection\n");                          \
  extern "C" {                                       \
  extern const char name##_begin[] __attribute__((visibility("hidden"))); \
  extern const char name##_end[] __attribute__((visibility("hidden")));   \
  }
// clang-format on

LDM_EMBED(ldm_experiment_css, LDM_EXPERIMENT_PAGE_CSS)
LDM_EMBED(ldm_experiment_js, LDM_EXPERIMENT_PAGE_JS)

namespace ldm::experiments {

std::string_view page_css() {
  return {ldm_experiment_css_begin,
          static_cast<std::size_t>(ldm_experiment_css_end - ldm_experiment_css_begin)};
}

std::string_view page_js() {
  return {ldm_experiment_js_begin, static_cast<std::size_t>(ldm_experiment_js_end - ldm_experiment_js_begin)};
}

}  // namespace ldm::experiments
