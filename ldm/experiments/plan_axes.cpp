#include <algorithm>
#include <map>
#include <stdexcept>

#include "ldm/experiments/plan.h"

namespace ldm::experiments {
namespace {

/// As one word of a shell's command.
std::string quoted(const std::string& text) {
  const bool plain = !text.empty() && text.find_first_not_of(
                                          "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
                                          "0123456789_-./,:=+@%") == std::string::npos;
  if (plain) return text;
  std::string word = "'";
  for (const char c : text) word += c == '\'' ? std::string("'\\''") : std::string(1, c);
  return word + "'";
}

/// What is the same of a cell and the one that it is compared with.
std::vector<std::string> others_of(const Plan& plan, const Cell& cell, const std::string& axis) {
  std::vector<std::string> values{std::to_string(cell.prompt), std::to_string(cell.seed)};
  if (axis != "model") values.push_back(std::to_string(cell.model));
  std::size_t place = 0;
  for (const AxisGroup& group : plan.experiment.axes) {
    // Axes that are zipped with this one change with it.
    const bool changes = std::find(group.names.begin(), group.names.end(), axis) != group.names.end();
    for (std::size_t i = 0; i < group.names.size(); ++i, ++place) {
      if (!changes) values.push_back(cell.axes[place]);
    }
  }
  return values;
}

}  // namespace

std::string command_line(const Plan& plan, const Cell& cell) {
  std::string line =
      plan.experiment.kind == GenerationKind::img2img ? "build/bin/img2img" : "build/bin/txt2img";
  for (const std::string& argument : cell.arguments) {
    const std::size_t equals = argument.find('=');
    const bool is_option = argument.compare(0, 2, "--") == 0;
    const std::string value = equals == std::string::npos ? "" : argument.substr(equals + 1);
    // A value that looks like an option must stay behind its equals sign, and so must an empty one.
    const bool apart = is_option && equals != std::string::npos && !value.empty() && value.front() != '-';
    line += " " + (apart ? argument.substr(0, equals) + " " + quoted(value) : quoted(argument));
  }
  return line;
}

std::string value_of(const Plan& plan, const Cell& cell, const std::string& axis) {
  if (axis == "model") return plan.experiment.models[cell.model].name;
  if (axis == "prompt") return plan.experiment.prompts[cell.prompt].text;
  if (axis == "seed") return std::to_string(cell.seed);
  const auto found = std::find(plan.axes.begin(), plan.axes.end(), axis);
  if (found == plan.axes.end())
    throw std::invalid_argument("expected an axis of the plan, got '" + axis + "'");
  return cell.axes[static_cast<std::size_t>(found - plan.axes.begin())];
}

std::vector<std::optional<std::size_t>> compared_cells(const Plan& plan) {
  std::vector<std::optional<std::size_t>> compared(plan.cells.size());
  if (!plan.experiment.compare) return compared;
  const auto& [axis, to] = *plan.experiment.compare;
  std::map<std::vector<std::string>, std::size_t> targets;
  for (std::size_t i = 0; i < plan.cells.size(); ++i) {
    if (value_of(plan, plan.cells[i], axis) == to) targets.emplace(others_of(plan, plan.cells[i], axis), i);
  }
  for (std::size_t i = 0; i < plan.cells.size(); ++i) {
    const auto target = targets.find(others_of(plan, plan.cells[i], axis));
    if (target != targets.end() && target->second != i) compared[i] = target->second;
  }
  return compared;
}

std::vector<std::string> values_of(const Plan& plan, const std::string& axis) {
  std::vector<std::string> values;
  std::map<std::string, bool> seen;
  for (const Cell& cell : plan.cells) {
    const std::string value = value_of(plan, cell, axis);
    if (seen.emplace(value, true).second) values.push_back(value);
  }
  return values;
}

std::vector<std::string> varying_axes(const Plan& plan) {
  std::vector<std::string> names{"model"};
  names.insert(names.end(), plan.axes.begin(), plan.axes.end());
  names.insert(names.end(), {"prompt", "seed"});
  names.erase(std::remove_if(names.begin(), names.end(),
                             [&](const std::string& name) { return values_of(plan, name).size() < 2; }),
              names.end());
  return names;
}

}  // namespace ldm::experiments
