#pragma once

#include <string>

#include "ldm/weights/inspection.h"

namespace ldm::weights {

/// An inspection in lines for people. With `keys` a line for each tensor follows.
std::string to_text(const Inspection& inspection, bool keys);

/// The same as one JSON object, for programs; scripts/README.md lists its members. With `keys` it has a
/// member "keys". Numbers that are not finite are null.
std::string to_json(const Inspection& inspection, bool keys);

}  // namespace ldm::weights
