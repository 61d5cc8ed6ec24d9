#pragma once

#include <memory>
#include <string>

#include "ldm/config/tree.h"

namespace ldm::config::detail {

/// What is read: its name for errors, whether its lines mean something to the user (they do in a file), and
/// the key that it will be the value of (for an override).
struct Document {
  std::shared_ptr<const std::string> source;
  bool has_lines = true;
  std::string path;
};

/// Reads one YAML document; an empty one is null. Throws ConfigError for whatever Config refuses.
Entry read_yaml(const std::string& text, const Document& document);

}  // namespace ldm::config::detail
