// Looks at, converts, compares and checks weights files.
#include "ldm/checkpoint/mapping_guard.h"
#include "ldm/cli/ckpt_program.h"

int main(int argc, char** argv) {
  ldm::checkpoint::install_mapping_guard();
  return ldm::cli::ckpt_program({argv + 1, argv + argc});
}
