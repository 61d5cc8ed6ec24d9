#pragma once

#include <cstdint>
#include <map>
#include <stdexcept>
#include <string>
#include <vector>

#include "ldm/config/config.h"
#include "ldm/experiments/experiment.h"

namespace ldm::experiments {

// What all parts of an experiment's file are read with. Everything throws config::ConfigError with file, line
// and key.

/// Calls `action`; what it refuses is told with the node's place: std::invalid_argument (OptionError) as a
/// ConfigError, NotSupported as itself.
template <typename Action>
auto at_node(const config::Node& node, const Action& action) {
  try {
    return action();
  } catch (const NotSupported& error) {
    throw NotSupported(node.where() + ": " + error.what());
  } catch (const std::invalid_argument& error) {
    node.fail(error.what());
  }
}

/// The value of a key; an undefined node if there is none, or null.
config::Node optional_node(const config::Node& map, const std::string& key);

/// A list's items, at least one. A single value stands for a list of one.
std::vector<config::Node> items_of(const config::Node& node);

/// A text of one line that is not empty.
std::string line_at(const config::Node& node);

std::int64_t integer_at(const config::Node& node, std::int64_t least, std::int64_t most);

/// "a, b, c", of many only the first.
std::string listed(const std::vector<std::string>& words);

/// The option that a map's key names, as the program's table spells it.
std::string option_at(GenerationKind kind, const config::Node& map, const std::string& key);

/// A value as it stands in the file. YAML's other words for yes and no are "on" and "off" where the option
/// has these.
std::string written_value(const std::string& option, const config::Node& node);

/// The same, as the option itself takes it.
std::string value_at(GenerationKind kind, const std::string& option, const config::Node& node);

/// The settings of a map but for `own_key`, which is no option; each once. None for an undefined node.
std::vector<Setting> settings_at(GenerationKind kind, const config::Node& map, const char* own_key = nullptr);

/// Which key of the file says what an option's value is: "settings", "models", "prompts" or "axes".
using OptionPlaces = std::map<std::string, std::string>;

/// Notes that an option's value is said at `node`, under the key `place`. Throws if it is under another one,
/// too.
void claim_option(OptionPlaces& places, const config::Node& node, const std::string& option,
                  const std::string& place);

}  // namespace ldm::experiments
