// Trains autoencoders and diffusion models: the reference's main.py.
#include "ldm/cli/train_program.h"
#include "ldm/data/linear_resize.h"
#include "ldm/data/read_image.h"
#include "ldm/dataset_builders.h"

int main(int argc, char** argv) {
  return ldm::cli::train_program({argv + 1, argv + argc}, [](ldm::Registry& registry) {
    ldm::add_datasets(registry, &ldm::data::read_image, &ldm::data::linear_resize);
  });
}
