#include "ldm/experiments/summary_rows.h"

#include "ldm/experiments/html_text.h"
#include "ldm/experiments/metric_names.h"

namespace ldm::experiments {
namespace {

SummaryRow row_of(const Results& results, const std::string& value,
                  const std::vector<std::pair<std::string, std::string>>& where) {
  SummaryRow row{value, {}};
  for (const std::string& metric : measured(results)) row.means.push_back(mean_of(results, metric, where));
  return row;
}

}  // namespace

std::vector<SummaryTable> summary_tables(const Results& results) {
  std::vector<SummaryTable> tables;
  if (measured(results).empty()) return tables;
  for (const std::string& axis : varying_axes(*results.plan)) {
    if (axis == "seed") continue;
    SummaryTable table{axis, {}};
    for (const std::string& value : values_of(*results.plan, axis)) {
      table.rows.push_back(row_of(results, value, {{axis, value}}));
    }
    tables.push_back(std::move(table));
  }
  if (tables.empty()) tables.push_back({"all", {row_of(results, "all pictures", {})}});
  return tables;
}

std::string mean_text(const Mean& mean, const std::string& name) {
  if (mean.count == 0) return "–";
  const int decimals = metric(name).decimals;
  return fixed(mean.mean, decimals) + " ± " + fixed(mean.deviation, decimals) + " (" +
         std::to_string(mean.count) + ")";
}

}  // namespace ldm::experiments
