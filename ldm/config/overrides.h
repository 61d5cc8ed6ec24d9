#pragma once

#include <string>

#include "ldm/config/tree.h"

namespace ldm::config::detail {

/// The tree with "a.b=c" applied; `root` is not changed. Throws ConfigError quoting the override.
ValuePtr apply_override(const ValuePtr& root, const std::string& override_text);

/// OmegaConf.merge: `value` over `old`, which may be null. Maps are merged key by key, everything else
/// replaced.
ValuePtr merged(const ValuePtr& old, const ValuePtr& value);

/// Throws ConfigError, beginning with `source`, for a tree beyond kMaxDepth or kMaxValues.
void check_size(const Value& root, const std::string& source);

}  // namespace ldm::config::detail
