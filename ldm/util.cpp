#include "ldm/util.h"

#include <set>

namespace ldm::detail {

void check_target_keys(const config::Node& node) {
  // base_learning_rate and optimizer stand beside the target of a model; the trainer reads them.
  static const std::set<std::string> known{"target", "params", "base_learning_rate", "optimizer"};
  for (const std::string& key : node.keys()) {
    if (known.count(key) == 0) {
      node.at(key).fail(
          "expected only target, params, base_learning_rate and optimizer beside a target, got '" + key +
          "'");
    }
  }
}

}  // namespace ldm::detail
