// Paints pictures of a text over a given picture: the reference's scripts/img2img.py.
#include "ldm/cli/generation_program.h"
#include "ldm/data/read_image.h"

int main(int argc, char** argv) {
  return ldm::cli::generation_program(ldm::GenerationKind::img2img, {argv + 1, argv + argc},
                                      &ldm::data::read_image);
}
