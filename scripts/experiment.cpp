// Paints, measures and shows what an experiment's file says.
#include "ldm/data/read_image.h"
#include "ldm/experiments/experiment_program.h"

int main(int argc, char** argv) {
  return ldm::experiments::experiment_program({argv + 1, argv + argc}, &ldm::data::read_image);
}
