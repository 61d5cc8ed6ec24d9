#pragma once

#include <string>

#include "ldm/config/config.h"

namespace ldm::config {

/// A config's value as YAML that reads back to the same tree with the same types; ends with a line end. An
/// undefined node is written as null.
std::string to_yaml(const Node& node);

}  // namespace ldm::config
