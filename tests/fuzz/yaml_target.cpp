#include <cmath>
#include <cstddef>
#include <string>

#include "ldm/config/config.h"
#include "ldm/config/params.h"
#include "tests/fuzz/require.h"
#include "tests/fuzz/targets.h"

namespace ldm::fuzz {
namespace {

using config::Config;
using config::ConfigError;
using config::Node;
using config::Params;

// Aliases make a small text a large tree; its limit is the reader's business, walking all of it is not ours.
constexpr std::size_t kMaxVisited = 60;

template <typename Action>
bool succeeds(const Action& action) {
  try {
    action();
  } catch (const ConfigError&) {
    return false;
  }
  return true;
}

void read_as_every_type(const Node& node) {
  const bool integer = succeeds([&] { node.as_integer(); });
  const bool real = succeeds([&] { node.as_real(); });
  const bool boolean = succeeds([&] { node.as_boolean(); });
  const bool text = succeeds([&] { node.as_text(); });
  require(!integer || real, "an integer is a real too");
  require(!(boolean && real) && !(text && (real || boolean)), "a value is of one type");
  require(node.is_scalar() || !(integer || real || boolean || text), "only scalars have a scalar's value");
  require(succeeds([&] { node.keys(); }) == (node.is_map() || node.is_null()),
          "only maps and null have keys");
  require(succeeds([&] { node.items(); }) == node.is_list(), "only lists have items");
  require(!node.where().empty(), "a value knows where it stands");
}

void walk(const Node& node, std::size_t& visited) {
  if (++visited > kMaxVisited) return;
  require(node.is_map() + node.is_list() + node.is_scalar() + node.is_null() == 1, "a value is of one kind");
  read_as_every_type(node);
  if (node.is_map()) {
    for (const std::string& key : node.keys()) {
      require(node.has(key) && node.find(key).defined(), "keys() lists what is there");
      walk(node.at(key), visited);
    }
  } else if (node.is_list()) {
    for (const Node& item : node.items()) walk(item, visited);
  }
}

/// As a builder reads its parameters.
void read_params(const Node& node) {
  succeeds([&] {
    Params params(node, "target");
    succeeds([&] { params.integer("timesteps"); });
    succeeds([&] { params.real("linear_start", 0.5); });
    succeeds([&] { params.boolean("use_ema", true); });
    succeeds([&] { params.text("loss_type", "l2"); });
    succeeds([&] { params.integers("channel_mult"); });
    succeeds([&] { params.reals("given_betas", {}); });
    succeeds([&] { params.optional_integer("image_size"); });
    succeeds([&] { params.optional_text("ckpt_path"); });
    succeeds([&] { params.optional_node("scheduler_config"); });
    params.known({"monitor", "ignore_keys"});
    params.finish();
  });
}

void walk(const Config& config) {
  std::size_t visited = 0;
  walk(config.root(), visited);
  const Node model = config.root().find("model");
  read_params(model.find("params"));
  read_params(config.root());
}

}  // namespace

void fuzz_yaml(std::string_view input) {
  const std::size_t end = input.find('\0');
  Config config;
  if (!succeeds([&] { config = Config::from_text(std::string(input.substr(0, end)), "input.yaml"); })) return;
  walk(config);
  for (std::size_t at = end; at != std::string_view::npos;) {
    const std::size_t next = input.find('\0', at + 1);
    const std::string one(input.substr(at + 1, next == std::string_view::npos ? next : next - at - 1));
    succeeds([&] { config.apply_overrides({one}); });
    at = next;
  }
  walk(config);
}

}  // namespace ldm::fuzz
