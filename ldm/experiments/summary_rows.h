#pragma once

#include <string>
#include <vector>

#include "ldm/experiments/results.h"

namespace ldm::experiments {

/// Means of all measured metrics over the pictures with one value of an axis.
struct SummaryRow {
  std::string value;
  std::vector<Mean> means;  ///< of each of measured()
};
struct SummaryTable {
  std::string axis;
  std::vector<SummaryRow> rows;
};

/// A table for each axis that varies, but for seeds; one with the axis "all" where none does. Nothing if
/// nothing was measured.
std::vector<SummaryTable> summary_tables(const Results& results);

/// "27.50 ± 1.20 (80)", or "–".
std::string mean_text(const Mean& mean, const std::string& metric);

}  // namespace ldm::experiments
