#pragma once

#include <string>

#include "ldm/config/tree.h"

namespace ldm::config::detail {

/// The tree with "a.b=c" applied; `root` is not changed. Throws ConfigError quoting the override.
ValuePtr apply_override(const ValuePtr& root, const std::string& override_text);

}  // namespace ldm::config::detail
