#include "ldm/util.h"

#include <set>

namespace ldm::detail {

void check_target_keys(const config::Node& node) {
  // base_learning_rate stands beside the target of a model; the trainer reads it.
  static const std::set<std::string> known{"target", "params", "base_learning_rate"};
  for (const std::string& key : node.keys()) {
    if (known.count(key) == 0) {
      node.at(key).fail("expected only target, params and base_learning_rate beside a target, got '" + key +
                        "'");
    }
  }
}

}  // namespace ldm::detail
