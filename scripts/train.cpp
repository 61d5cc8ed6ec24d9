// Trains autoencoders and diffusion models: the reference's main.py.
#include "ldm/cli/train_program.h"
#include "ldm/data/linear_resize.h"
#include "ldm/data/read_image.h"
#include "ldm/dataset_builders.h"

/// Read by jemalloc, where it is linked: a step takes what the step before gave back, so nothing is returned
/// to the kernel, and huge pages are asked for.
extern "C" {
extern const char* malloc_conf;
const char* malloc_conf = "dirty_decay_ms:-1,muzzy_decay_ms:-1,thp:always";
}

int main(int argc, char** argv) {
  return ldm::cli::train_program({argv + 1, argv + argc}, [](ldm::Registry& registry) {
    ldm::add_datasets(registry, &ldm::data::read_image, &ldm::data::linear_resize);
  });
}
