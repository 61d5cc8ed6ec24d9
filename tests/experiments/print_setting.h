#pragma once

#include <ostream>

#include "ldm/experiments/experiment.h"

namespace ldm::experiments {

/// For GoogleTest's messages.
inline void PrintTo(const Setting& setting, std::ostream* out) {
  *out << setting.name << '=' << setting.value;
}

}  // namespace ldm::experiments
