#pragma once

#include <cstdint>
#include <string>

#include "ldm/weights/difference.h"

namespace ldm::weights {

/// A difference in lines for people, with at most `limit` names of each kind (0 for all).
std::string to_text(const Difference& difference, std::int64_t limit);

/// The same as one JSON object, for programs; scripts/README.md lists its members. Numbers that are not
/// finite are null.
std::string to_json(const Difference& difference, std::int64_t limit);

}  // namespace ldm::weights
