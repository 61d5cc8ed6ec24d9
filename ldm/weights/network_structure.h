#pragma once

#include <set>
#include <string>
#include <vector>

#include "ldm/weights/diffusers_names.h"

namespace ldm::weights {

/// How a network is built, as far as its names depend on it.
struct NetworkStructure {
  int levels = 0;           ///< of resolution
  int blocks = 0;           ///< residual blocks for each level on the way down
  std::set<int> attention;  ///< levels with attention in the UNet, 0 being the finest
};

/// The structure of a network with these names in the reference's spelling, without prefix. Zeros where the
/// names tell nothing; numbers above 99 in names are not believed. The text encoder needs none.
NetworkStructure structure_of_reference(Component component, const std::vector<std::string>& names);

/// The same for names in diffusers' spelling.
NetworkStructure structure_of_diffusers(Component component, const std::vector<std::string>& names);

/// "down_blocks.2": a name and a number.
std::string numbered(const char* name, int number);

/// One more than the largest number that follows `prefix` in any name; 0 if there is none.
int count_after(const std::vector<std::string>& names, const std::string& prefix);

}  // namespace ldm::weights
