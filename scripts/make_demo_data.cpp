// Makes the pictures that the demo model learns from.
#include "ldm/demo/make_demo_data_program.h"

int main(int argc, char** argv) {
  return ldm::demo::make_demo_data_program({argv + 1, argv + argc});
}
