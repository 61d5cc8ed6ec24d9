#pragma once

#include <string>

#include "ldm/config/tree.h"

namespace ldm::config::detail {

/// Reads one YAML document. `source` is named in messages, with line numbers if `with_lines`. Throws
/// ConfigError. Empty text gives null.
ValuePtr read_yaml(const std::string& text, const std::string& source, bool with_lines);

}  // namespace ldm::config::detail
