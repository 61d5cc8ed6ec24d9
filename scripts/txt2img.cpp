// Paints pictures of a text: the reference's scripts/txt2img.py.
#include "ldm/cli/generation_program.h"

int main(int argc, char** argv) {
  return ldm::cli::generation_program(ldm::GenerationKind::txt2img, {argv + 1, argv + argc}, {});
}
