#include "ldm/experiments/axis_reader.h"

#include <algorithm>
#include <set>
#include <utility>

#include "ldm/config/params.h"
#include "ldm/experiments/option_names.h"

namespace ldm::experiments {
namespace {

using config::Node;

void add_axis(GenerationKind kind, AxisGroup& group, const std::string& name, const Node& values) {
  const std::vector<Node> items = items_of(values);
  if (group.names.empty()) group.points.resize(items.size());
  if (items.size() != group.points.size()) {
    values.fail("expected " + std::to_string(group.points.size()) + " values, as many as '" +
                group.names.front() + "' has in the same zip, got " + std::to_string(items.size()));
  }
  for (std::size_t i = 0; i < items.size(); ++i) group.points[i].push_back(value_at(kind, name, items[i]));
  group.names.push_back(name);
}

void expect_distinct(const AxisGroup& group, const Node& node) {
  std::set<std::vector<std::string>> seen;
  for (const std::vector<std::string>& point : group.points) {
    if (!seen.insert(point).second)
      node.fail("expected each value once, got '" + listed(point) + "' a second time");
  }
}

/// The options of these keys of a map as one group. `places` grows.
AxisGroup read_group(GenerationKind kind, const Node& map, const std::vector<std::string>& keys,
                     OptionPlaces& places) {
  if (keys.empty()) map.fail("expected options with lists of values, got none");
  AxisGroup group;
  for (const std::string& key : keys) {
    const Node values = map.find(key);
    const std::string name = option_at(kind, map, key);
    const auto place = places.find(name);
    if (place != places.end() && place->second == "axes") {
      values.fail("expected each option in one axis, got '" + name + "' a second time");
    }
    claim_option(places, values, name, "axes");
    add_axis(kind, group, name, values);
  }
  expect_distinct(group, map.find(keys.front()));
  return group;
}

/// The values that something has in an experiment, in their order: "model", "prompt", "seed" or an axis; of a
/// setting of the models those that they have. None for anything else.
std::vector<std::string> known_values(const Experiment& experiment, const std::string& name) {
  std::vector<std::string> values;
  for (const ModelChoice& model : experiment.models) {
    if (name == "model") values.push_back(model.name);
    for (const Setting& setting : model.settings) {
      if (setting.name == name) values.push_back(setting.value);
    }
  }
  for (const AxisGroup& group : experiment.axes) {
    for (std::size_t i = 0; i < group.names.size(); ++i) {
      if (group.names[i] != name) continue;
      for (const std::vector<std::string>& point : group.points) values.push_back(point[i]);
    }
  }
  if (name == "prompt") {
    for (const Prompt& prompt : experiment.prompts) values.push_back(prompt.text);
  } else if (name == "seed") {
    for (const std::int64_t seed : experiment.seeds) values.push_back(std::to_string(seed));
  }
  return values;
}

std::vector<std::string> names_of_axes(const Experiment& experiment) {
  std::vector<std::string> names;
  for (const AxisGroup& group : experiment.axes)
    names.insert(names.end(), group.names.begin(), group.names.end());
  return names;
}

std::vector<std::string> names_of_model_settings(const Experiment& experiment) {
  std::vector<std::string> names;
  for (const ModelChoice& model : experiment.models) {
    for (const Setting& setting : model.settings) {
      if (std::find(names.begin(), names.end(), setting.name) == names.end()) names.push_back(setting.name);
    }
  }
  return names;
}

/// The one of `names` that is written so, in any spelling of an option.
std::string name_among(GenerationKind kind, const std::vector<std::string>& names, const std::string& written,
                       const Node& node) {
  std::string name = written;
  if (std::find(names.begin(), names.end(), name) != names.end()) return name;
  try {
    name = option_name(kind, written);
  } catch (const std::invalid_argument&) {  // told below, with the names that would do
  }
  if (std::find(names.begin(), names.end(), name) != names.end()) return name;
  node.fail("expected one of " + listed(names) + ", got '" + written + "'");
}

/// The node's text, which must be one of the values that `name` has.
std::string value_among(const Experiment& experiment, const std::string& name, const Node& node) {
  const std::string value = written_value(name, node);
  const std::vector<std::string> known = known_values(experiment, name);
  if (std::find(known.begin(), known.end(), value) != known.end()) return value;
  node.fail("expected a value of '" + name + "' in this experiment (" + listed(known) + "), got '" + value +
            "'");
}

/// Names of the models that have one of these values of a setting.
std::vector<std::string> models_with(const Experiment& experiment, const std::string& name,
                                     const std::vector<std::string>& values) {
  std::vector<std::string> models;
  for (const ModelChoice& model : experiment.models) {
    const bool has = std::any_of(model.settings.begin(), model.settings.end(), [&](const Setting& setting) {
      return setting.name == name && std::find(values.begin(), values.end(), setting.value) != values.end();
    });
    if (has) models.push_back(model.name);
  }
  return models;
}

/// "exclude" or "only", whichever a filter is.
std::string kind_of_filter(const Node& item) {
  const std::vector<std::string> keys = item.keys();
  if (keys.size() == 1 && (keys[0] == "exclude" || keys[0] == "only")) return keys[0];
  item.fail("expected one key, 'exclude' or 'only', got " + (keys.empty() ? "none" : listed(keys)));
}

Filter read_filter(const Experiment& experiment, const Node& item) {
  const std::string kind = kind_of_filter(item);
  const Node map = item.at(kind);
  const std::vector<std::string> of_models = names_of_model_settings(experiment),
                                 axes = names_of_axes(experiment);
  std::vector<std::string> names{"model", "prompt", "seed"};
  names.insert(names.end(), axes.begin(), axes.end());
  names.insert(names.end(), of_models.begin(), of_models.end());
  Filter filter;
  filter.only = kind == "only";
  filter.where = map.where();
  for (const std::string& key : map.keys()) {
    const Node node = map.find(key);
    const std::string name = name_among(experiment.kind, names, key, node);
    std::vector<std::string> values;
    for (const Node& value : items_of(node)) values.push_back(value_among(experiment, name, value));
    if (std::find(of_models.begin(), of_models.end(), name) == of_models.end()) {
      filter.values.emplace_back(name, std::move(values));
    } else {
      filter.values.emplace_back("model", models_with(experiment, name, values));
    }
  }
  if (filter.values.empty()) map.fail("expected names with the values that match, got none");
  return filter;
}

}  // namespace

std::vector<AxisGroup> read_axes(GenerationKind kind, const Node& axes, OptionPlaces& places) {
  config::Params kinds(axes, "the key 'axes'");
  const Node cross = kinds.optional_node("cross"), zip = kinds.optional_node("zip");
  kinds.finish();
  std::vector<AxisGroup> groups;
  if (cross.defined()) {
    for (const std::string& key : cross.keys()) groups.push_back(read_group(kind, cross, {key}, places));
  }
  if (zip.defined()) {
    for (const Node& map : items_of(zip)) groups.push_back(read_group(kind, map, map.keys(), places));
  }
  return groups;
}

std::vector<Filter> read_filters(const Experiment& experiment, const Node& filters) {
  std::vector<Filter> all;
  if (!filters.defined()) return all;
  for (const Node& item : filters.items()) all.push_back(read_filter(experiment, item));
  return all;
}

std::optional<Comparison> read_comparison(const Experiment& experiment, const Node& compare) {
  if (!compare.defined()) return std::nullopt;
  config::Params params(compare, "the key 'compare'");
  const Node axis = params.optional_node("axis"), to = params.node("to");
  params.finish();
  std::vector<std::string> names{"model"};
  const std::vector<std::string> axes = names_of_axes(experiment);
  names.insert(names.end(), axes.begin(), axes.end());
  Comparison comparison;
  if (axis.defined()) comparison.axis = name_among(experiment.kind, names, axis.as_written(), axis);
  comparison.to = value_among(experiment, comparison.axis, to);
  return comparison;
}

}  // namespace ldm::experiments
