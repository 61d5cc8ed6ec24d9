#pragma once

#include <string>

#include "ldm/config/tree.h"

namespace ldm::config::detail {

/// The root with one "a.b.c=value" applied. Throws ConfigError quoting the override.
Entry with_override(const Entry& root, const std::string& text);

}  // namespace ldm::config::detail
