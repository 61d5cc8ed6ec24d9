#pragma once

#include <ATen/core/Tensor.h>

#include <string>

#include "ldm/experiments/results.h"

namespace ldm::experiments {

/// report.html: one page that needs no network and nothing beside it as long as its pictures are within
/// ReportOptions::embed_mb; beyond that it shows the files of the run's folder. Reads the pictures from
/// there. Throws files::FileError.
std::string html_report(const Results& results);

/// summary.md: what was run, a table of the metrics along each axis, and the weights, in GitHub's Markdown.
std::string markdown_summary(const Results& results);

/// grid.png: all pictures that are done as a matrix with the values of the axes beside it, uint8 [H, W, 3];
/// rows and columns as on the page. Pictures are shown at their own size, small ones at a multiple of it, or
/// smaller where the whole would exceed 16384 pixels in a direction; of more than 1024 rows or columns the
/// first are shown, and the title says so. Throws files::FileError.
at::Tensor labelled_grid(const Results& results);

/// How the matrix is laid out: which axes go across, which down.
struct MatrixLayout {
  std::vector<std::string> across, down;  ///< of varying_axes(); together all of them
};
/// "model" (or the compared axis) goes across with the axis of most values that is no prompt and no seed; the
/// rest down.
MatrixLayout matrix_layout(const Plan& plan);

/// A row or a column: values of the layout's axes.
using MatrixLine = std::vector<std::string>;
/// The combinations that occur in the plan, in its order.
std::vector<MatrixLine> matrix_lines(const Plan& plan, const std::vector<std::string>& axes);

}  // namespace ldm::experiments
