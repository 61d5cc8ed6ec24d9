#include "ldm/experiments/html_text.h"
#include "ldm/experiments/metric_names.h"
#include "ldm/experiments/report.h"
#include "ldm/experiments/summary_rows.h"

namespace ldm::experiments {
namespace {

/// As a cell of a table, or in a line.
std::string inline_text(const std::string& text) {
  std::string out;
  for (const char c : text) {
    if (c == '|' || c == '\\' || c == '*' || c == '_' || c == '`' || c == '<' || c == '[' || c == '#')
      out += '\\';
    out += c == '\n' || c == '\r' ? ' ' : c;
  }
  return out;
}

std::string row(const std::vector<std::string>& fields) {
  std::string line = "|";
  for (const std::string& field : fields) line += " " + inline_text(field) + " |";
  return line + "\n";
}

std::string table_of(const SummaryTable& table, const std::vector<std::string>& names) {
  std::vector<std::string> head{table.axis}, rule{"---"};
  for (const std::string& name : names) {
    head.push_back(metric(name).title);
    rule.emplace_back("---");
  }
  std::string text = row(head) + "|";
  for (const std::string& mark : rule) text += mark + "|";
  text += "\n";
  for (const SummaryRow& summary : table.rows) {
    std::vector<std::string> fields{summary.value};
    for (std::size_t i = 0; i < names.size(); ++i) fields.push_back(mean_text(summary.means[i], names[i]));
    text += row(fields);
  }
  return text + "\n";
}

std::string weights_of(const WeightsResult& weights) {
  std::string text = "Averaged against trained weights of `" + weights.checkpoint + "`";
  if (!weights.remark.empty()) return text + ": " + weights.remark + ".\n\n";
  text += ": relative distance " + brief(weights.relative) + ".\n\n" +
          row({"block", "tensors", "relative distance", "norm"}) + "|---|---|---|---|\n";
  for (const BlockDistance& block : weights.blocks) {
    text += row({block.block, std::to_string(block.tensors), fixed(block.relative, 5), brief(block.norm)});
  }
  return text + "\n";
}

}  // namespace

std::string markdown_summary(const Results& results) {
  const Plan& plan = *results.plan;
  const Experiment& experiment = plan.experiment;
  std::string text = "# " + inline_text(experiment.title) + "\n\n" + std::to_string(results.pictures.size()) +
                     " of " + std::to_string(plan.cells.size()) + " pictures: ";
  text += std::to_string(values_of(plan, "model").size()) + " models, " +
          std::to_string(values_of(plan, "prompt").size()) + " prompts, " +
          std::to_string(values_of(plan, "seed").size()) + " seeds";
  for (const std::string& axis : plan.axes)
    text += ", " + inline_text(axis) + " " + std::to_string(values_of(plan, axis).size());
  text += ".\n\n";
  if (experiment.compare) {
    text += "Pictures are compared with those whose " + inline_text(experiment.compare->axis) + " is " +
            inline_text(experiment.compare->to) +
            "; all else is the same. Mean ± standard deviation (count).\n\n";
  }
  for (const SummaryTable& table : summary_tables(results)) text += table_of(table, measured(results));
  for (const WeightsResult& weights : results.weights) text += weights_of(weights);
  return text;
}

}  // namespace ldm::experiments
