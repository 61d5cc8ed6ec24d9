#pragma once

#include <functional>
#include <string>
#include <vector>

#include "ldm/registry.h"

namespace ldm::cli {

/// The reference's main.py: `arguments` without the program's name. `add_datasets` gives the registry the
/// datasets, with whatever reads their images. Returns the exit status.
int train_program(const std::vector<std::string>& arguments,
                  const std::function<void(Registry&)>& add_datasets);

}  // namespace ldm::cli
