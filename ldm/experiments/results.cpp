#include "ldm/experiments/results.h"

#include <algorithm>
#include <cmath>
#include <nlohmann/json.hpp>

#include "ldm/experiments/metric_names.h"

namespace ldm::experiments {
namespace {

using Json = nlohmann::ordered_json;

Json number(double value) {
  return std::isfinite(value) ? Json(value) : Json();
}

std::string dumped(const Json& json) {
  return json.dump(-1, ' ', false, Json::error_handler_t::replace);
}

Json line_of(const Plan& plan, const Result& result) {
  const Cell& cell = plan.cells[result.cell];
  const Record& record = result.record;
  const Prompt& prompt = plan.experiment.prompts[cell.prompt];
  Json axes = Json::object(), values = Json::object(), distances = Json::array();
  for (std::size_t i = 0; i < plan.axes.size(); ++i) axes[plan.axes[i]] = cell.axes[i];
  for (const auto& [name, value] : result.metrics) values[name] = number(value);
  for (const double distance : result.latent_distances) distances.push_back(number(distance));
  return {{"cell", result.cell},
          {"key", record.key},
          {"file", record.picture},
          {"model", plan.experiment.models[cell.model].name},
          {"axes", axes},
          {"prompt", prompt.text},
          {"negative_prompt", cell.options.negative_prompt},
          {"seed", cell.seed},
          {"width", record.width},
          {"height", record.height},
          {"steps", record.steps},
          {"metrics", values},
          {"compared_to", result.compared_to},
          {"latent_distances", distances},
          {"latents", record.latents},
          {"picture_sha256", record.picture_sha256},
          {"checkpoint", cell.options.model.ckpt},
          {"checkpoint_sha256", record.checkpoint_sha256},
          {"config_sha256", record.config_sha256},
          {"seconds", number(record.seconds)},
          {"batch", record.batch},
          {"command", command_line(plan, cell)}};
}

/// A field of a CSV line (RFC 4180).
std::string field(const std::string& text) {
  if (text.find_first_of(",\"\r\n") == std::string::npos) return text;
  std::string quoted = "\"";
  for (const char c : text) quoted += c == '"' ? std::string("\"\"") : std::string(1, c);
  return quoted + "\"";
}

std::string field(const Json& value) {
  if (value.is_null()) return "";
  return field(value.is_string() ? value.get<std::string>() : dumped(value));
}

}  // namespace

std::string results_jsonl(const Results& results) {
  std::string text;
  for (const Result& result : results.pictures) text += dumped(line_of(*results.plan, result)) + "\n";
  return text;
}

std::string results_csv(const Results& results) {
  const Plan& plan = *results.plan;
  const std::vector<std::string> metric_columns = measured(results);
  std::vector<std::string> columns{"cell", "key", "file", "model"};
  columns.insert(columns.end(), plan.axes.begin(), plan.axes.end());
  columns.insert(columns.end(), {"prompt", "negative_prompt", "seed", "width", "height", "steps"});
  columns.insert(columns.end(), metric_columns.begin(), metric_columns.end());
  columns.insert(columns.end(),
                 {"compared_to", "checkpoint_sha256", "config_sha256", "seconds", "batch", "command"});
  std::string text;
  for (const std::string& column : columns) text += (text.empty() ? "" : ",") + field(column);
  text += "\r\n";
  for (const Result& result : results.pictures) {
    const Json line = line_of(plan, result);
    std::string row;
    for (const std::string& column : columns) {
      const bool is_axis = line.at("axes").contains(column);
      const bool is_metric = !line.contains(column) && !is_axis;
      const Json& from = is_axis ? line.at("axes") : is_metric ? line.at("metrics") : line;
      row += (row.empty() ? "" : ",") + (from.contains(column) ? field(from.at(column)) : "");
    }
    text += row + "\r\n";
  }
  return text;
}

std::vector<std::string> measured(const Results& results) {
  const std::vector<std::string>& asked = results.plan->experiment.metrics;
  std::vector<std::string> names;
  for (const Metric& metric : metrics()) {
    const bool wanted = std::find(asked.begin(), asked.end(), metric.asked) != asked.end();
    if (wanted && metric.scope != MetricScope::weights) names.push_back(metric.name);
  }
  return names;
}

Mean mean_of(const Results& results, const std::string& metric,
             const std::vector<std::pair<std::string, std::string>>& where) {
  std::vector<double> values;
  for (const Result& result : results.pictures) {
    const auto found = result.metrics.find(metric);
    if (found == result.metrics.end() || !std::isfinite(found->second)) continue;
    const Cell& cell = results.plan->cells[result.cell];
    const bool matches = std::all_of(where.begin(), where.end(), [&](const auto& one) {
      return value_of(*results.plan, cell, one.first) == one.second;
    });
    if (matches) values.push_back(found->second);
  }
  Mean mean;
  mean.count = static_cast<std::int64_t>(values.size());
  if (values.empty()) return mean;
  const auto n = static_cast<double>(values.size());
  for (const double value : values) mean.mean += value / n;
  double squares = 0;
  for (const double value : values) squares += (value - mean.mean) * (value - mean.mean);
  mean.deviation = values.size() > 1 ? std::sqrt(squares / (n - 1)) : 0;
  return mean;
}

}  // namespace ldm::experiments
