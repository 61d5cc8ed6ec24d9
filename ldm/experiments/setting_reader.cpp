#include "ldm/experiments/setting_reader.h"

#include <algorithm>
#include <cctype>
#include <cstddef>

#include "ldm/experiments/option_names.h"

namespace ldm::experiments {
namespace {

using config::Node;

constexpr std::size_t kMostListed = 20;

/// Whether "on" and "off" are values of the option, in which case YAML's booleans are meant so.
bool has_on_and_off(const std::string& option) {
  const bool is_switch = argument_of({option, "off"}).empty();
  return is_switch || option == "ema" || option == "mmap";
}

std::string lower(std::string text) {
  std::transform(text.begin(), text.end(), text.begin(),
                 [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
  return text;
}

/// The value of an override is YAML itself: whether it can be read shows without the model's config.
void check_override(const Node& node, const Setting& setting) {
  try {
    config::Config::from_text("", "config").apply_overrides({argument_of(setting)});
  } catch (const config::ConfigError& error) {
    node.fail(error.what());
  }
}

}  // namespace

Node optional_node(const Node& map, const std::string& key) {
  const Node found = map.find(key);
  return found.is_null() ? Node() : found;
}

std::vector<Node> items_of(const Node& node) {
  if (!node.is_list()) return {node};
  std::vector<Node> items = node.items();
  if (items.empty()) node.fail("expected at least one value, got an empty list");
  return items;
}

std::string line_at(const Node& node) {
  const std::string text = node.as_written();
  const bool has_controls =
      std::any_of(text.begin(), text.end(), [](unsigned char c) { return std::iscntrl(c) != 0; });
  if (text.empty() || has_controls) {
    node.fail("expected one line of text, got " +
              std::string(text.empty() ? "an empty one" : "several, or control characters"));
  }
  return text;
}

std::int64_t integer_at(const Node& node, std::int64_t least, std::int64_t most) {
  const std::int64_t number = node.as_integer();
  if (number >= least && number <= most) return number;
  node.fail("expected an integer from " + std::to_string(least) + " to " + std::to_string(most) + ", got " +
            std::to_string(number));
}

std::string listed(const std::vector<std::string>& words) {
  std::string text;
  for (std::size_t i = 0; i < words.size() && i < kMostListed; ++i) text += (i == 0 ? "" : ", ") + words[i];
  return words.size() > kMostListed ? text + ", ..." : text;
}

std::string option_at(GenerationKind kind, const Node& map, const std::string& key) {
  return at_node(map.find(key), [&] { return option_name(kind, key); });
}

std::string written_value(const std::string& option, const Node& node) {
  const std::string written = node.as_written();
  if (!has_on_and_off(option)) return written;
  const std::string word = lower(written);
  if (word == "on" || word == "true" || word == "yes") return "on";
  if (word == "off" || word == "false" || word == "no") return "off";
  return written;
}

std::string value_at(GenerationKind kind, const std::string& option, const Node& node) {
  const Setting setting{option, written_value(option, node)};
  at_node(node, [&] { check_value(kind, setting); });
  if (option.find('.') != std::string::npos) check_override(node, setting);
  return setting.value;
}

std::vector<Setting> settings_at(GenerationKind kind, const Node& map, const char* own_key) {
  std::vector<Setting> settings;
  if (!map.defined()) return settings;
  for (const std::string& key : map.keys()) {
    if (own_key != nullptr && key == own_key) continue;
    const Node node = map.find(key);
    const std::string option = option_at(kind, map, key);
    const bool is_second = std::any_of(settings.begin(), settings.end(),
                                       [&](const Setting& setting) { return setting.name == option; });
    if (is_second) node.fail("expected each option once, got '" + option + "' in two spellings");
    settings.push_back({option, value_at(kind, option, node)});
  }
  return settings;
}

void claim_option(OptionPlaces& places, const Node& node, const std::string& option,
                  const std::string& place) {
  const std::string& first = places.emplace(option, place).first->second;
  if (first == place) return;
  node.fail("expected the option '" + option + "' in one place, got it under '" + first + "' and under '" +
            place + "'");
}

}  // namespace ldm::experiments
