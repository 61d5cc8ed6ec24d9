// Measures how often the demo model paints what was asked.
#include "ldm/demo/evaluate_demo_program.h"

int main(int argc, char** argv) {
  return ldm::demo::evaluate_demo_program({argv + 1, argv + argc});
}
