#pragma once

#include <stdexcept>
#include <string>

namespace ldm::fuzz {

/// Throws std::logic_error, which no target lets pass, if the library has broken a promise of its headers.
inline void require(bool holds, const char* promise) {
  if (!holds) throw std::logic_error(std::string("broken promise: ") + promise);
}

}  // namespace ldm::fuzz
