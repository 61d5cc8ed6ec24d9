#include <algorithm>
#include <set>

#include "ldm/experiments/report.h"

namespace ldm::experiments {

MatrixLayout matrix_layout(const Plan& plan) {
  std::vector<std::string> axes = varying_axes(plan);
  MatrixLayout layout;
  const auto move_across = [&](const std::string& axis) {
    const auto found = std::find(axes.begin(), axes.end(), axis);
    if (found == axes.end()) return;
    layout.across.push_back(axis);
    axes.erase(found);
  };
  const std::string compared = plan.experiment.compare ? plan.experiment.compare->axis : "model";
  std::string longest;
  std::size_t most = 0;
  for (const std::string& axis : axes) {
    if (axis == compared || axis == "prompt" || axis == "seed") continue;
    const std::size_t count = values_of(plan, axis).size();
    if (count > most) {
      most = count;
      longest = axis;
    }
  }
  move_across(longest);
  move_across(compared);
  if (layout.across.empty() && axes.size() > 1) move_across(axes.back());
  layout.down = axes;
  return layout;
}

std::vector<MatrixLine> matrix_lines(const Plan& plan, const std::vector<std::string>& axes) {
  std::vector<std::vector<std::string>> values;
  for (const std::string& axis : axes) values.push_back(values_of(plan, axis));
  std::set<std::vector<std::size_t>> lines;  // by the places of their values, so that they come in order
  for (const Cell& cell : plan.cells) {
    std::vector<std::size_t> line;
    for (std::size_t i = 0; i < axes.size(); ++i) {
      const auto found = std::find(values[i].begin(), values[i].end(), value_of(plan, cell, axes[i]));
      line.push_back(static_cast<std::size_t>(found - values[i].begin()));
    }
    lines.insert(std::move(line));
  }
  std::vector<MatrixLine> named;
  for (const std::vector<std::size_t>& line : lines) {
    MatrixLine one;
    for (std::size_t i = 0; i < line.size(); ++i) one.push_back(values[i][line[i]]);
    named.push_back(std::move(one));
  }
  return named;
}

}  // namespace ldm::experiments
