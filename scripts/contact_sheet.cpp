// Puts pictures side by side into one.
#include "ldm/cli/contact_sheet_program.h"

int main(int argc, char** argv) {
  return ldm::cli::contact_sheet_program({argv + 1, argv + argc});
}
