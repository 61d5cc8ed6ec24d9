#pragma once

#include <memory>
#include <stdexcept>
#include <string>

#include "ldm/config/config.h"
#include "ldm/config/params.h"
#include "ldm/registry.h"

namespace ldm {
namespace detail {

/// Throws ConfigError for a key beside `target` and `params` that means nothing.
void check_target_keys(const config::Node& node);

/// Throws ConfigError naming the target and those that this role knows.
template <typename Role>
[[noreturn]] void fail_unknown_target(const config::Node& node, const std::string& target,
                                      const Registry& registry) {
  std::string known;
  for (const auto& entry : registry.targets<Role>()) known += (known.empty() ? "" : ", ") + entry.first;
  node.at("target").fail("expected one of the targets " + known + "; got '" + target + "'");
}

}  // namespace detail

/// ldm.util.instantiate_from_config: builds what `target` names from `params`.
///
/// `node` is a map with `target` and, if there is something to say, `params`. Throws config::ConfigError,
/// with file, line and key, for an unknown target, an unknown or missing key, a value of the wrong type, and
/// for values that the built class refuses.
template <typename Role>
std::shared_ptr<Role> instantiate_from_config(const config::Node& node, const Registry& registry) {
  const std::string target = node.at("target").as_text();
  detail::check_target_keys(node);
  const auto& targets = registry.targets<Role>();
  const auto builder = targets.find(target);
  if (builder == targets.end()) detail::fail_unknown_target<Role>(node, target, registry);
  const bool has_params = node.has("params");
  config::Params params(has_params ? node.at("params") : config::Node(), target);
  std::shared_ptr<Role> built;
  try {
    built = builder->second(params, registry);
  } catch (const std::invalid_argument& error) {
    (has_params ? node.at("params") : node).fail(std::string(error.what()) + " (" + target + ")");
  }
  params.finish();
  return built;
}

}  // namespace ldm
