#include "ldm/experiments/html_matrix.h"

#include <algorithm>
#include <filesystem>
#include <map>
#include <nlohmann/json.hpp>

#include "ldm/experiments/html_text.h"
#include "ldm/experiments/metric_names.h"
#include "ldm/experiments/report.h"
#include "ldm/files/input_file.h"
#include "ldm/files/output_folder.h"

namespace ldm::experiments {
namespace {

using Json = nlohmann::ordered_json;

constexpr std::uint64_t kMegabyte = 1'000'000;
constexpr std::uint64_t kLongestPicture = std::uint64_t{1} << 32;

/// A cell's values of some axes.
MatrixLine line_of(const Plan& plan, const Cell& cell, const std::vector<std::string>& axes) {
  MatrixLine line;
  for (const std::string& axis : axes) line.push_back(value_of(plan, cell, axis));
  return line;
}

/// What tells this picture from the others.
std::string label_of(const Plan& plan, const Cell& cell) {
  std::string label;
  for (const std::string& axis : varying_axes(plan)) {
    label += (label.empty() ? "" : ", ") + (axis == "prompt" || axis == "model" ? "" : axis + " ") +
             value_of(plan, cell, axis);
  }
  return label.empty() ? plan.experiment.prompts[cell.prompt].text : label;
}

std::string definition(const std::string& term, const std::string& text) {
  return text.empty() ? "" : "<dt>" + escaped(term) + "</dt><dd>" + escaped(text) + "</dd>";
}

/// Writes the table.
class Matrix {
 public:
  Matrix(const Results& results, const PageImages& images)
      : results_(results), plan_(*results.plan), images_(images), layout_(matrix_layout(plan_)) {
    for (const Result& result : results.pictures) results_by_cell_.emplace(result.cell, &result);
    for (std::size_t i = 0; i < plan_.cells.size(); ++i) {
      const Cell& cell = plan_.cells[i];
      cells_[{line_of(plan_, cell, layout_.down), line_of(plan_, cell, layout_.across)}] = i;
    }
  }

  std::string html() const {
    const std::vector<MatrixLine> columns = matrix_lines(plan_, layout_.across);
    std::string html =
        "<div class=\"scroll\" tabindex=\"0\" role=\"region\" aria-label=\"Pictures\"><table "
        "class=\"matrix\"><thead>";
    for (std::size_t axis = 0; axis < layout_.across.size(); ++axis) html += head_row(axis, columns);
    html += layout_.across.empty() && !layout_.down.empty() ? down_heads("<tr>") + "<td></td></tr>" : "";
    html += "</thead><tbody>";
    for (const MatrixLine& line : matrix_lines(plan_, layout_.down)) {
      html += "<tr>";
      for (const std::string& value : line) html += "<th scope=\"row\">" + escaped(value) + "</th>";
      for (const MatrixLine& column : columns) html += place(line, column);
      html += "</tr>";
    }
    return html + "</tbody></table></div>";
  }

 private:
  std::string down_heads(const std::string& before) const {
    std::string html = before;
    for (const std::string& axis : layout_.down)
      html += "<th scope=\"col\" class=\"axis\">" + escaped(axis) + "</th>";
    return html;
  }

  std::string head_row(std::size_t axis, const std::vector<MatrixLine>& columns) const {
    const bool last = axis + 1 == layout_.across.size();
    std::string html = "<tr>";
    if (last) {
      html = down_heads(html);
    } else if (!layout_.down.empty()) {
      html += "<td colspan=\"" + std::to_string(layout_.down.size()) + "\"></td>";
    }
    for (const MatrixLine& column : columns) {
      html += "<th scope=\"col\"><span class=\"axis\">" + escaped(layout_.across[axis]) + "</span> " +
              escaped(column[axis]) + "</th>";
    }
    return html + "</tr>";
  }

  std::string place(const MatrixLine& line, const MatrixLine& column) const {
    const auto cell = cells_.find({line, column});
    if (cell == cells_.end()) return "<td></td>";
    const auto result = results_by_cell_.find(cell->second);
    if (result == results_by_cell_.end()) return "<td class=\"missing\">not done yet</td>";
    return "<td>" + figure(*result->second) + "</td>";
  }

  std::string figure(const Result& result) const {
    const Cell& cell = plan_.cells[result.cell];
    const Record& record = result.record;
    std::string html = "<figure data-cell=\"" + std::to_string(result.cell) +
                       "\"><img loading=\"lazy\" decoding=\"async\" alt=\"" + escaped(label_of(plan_, cell)) +
                       "\" width=\"" + std::to_string(record.width) + "\" height=\"" +
                       std::to_string(record.height) + "\" src=\"" + source(record) + "\">";
    html += "<details><summary>" + escaped(summary(result)) + "</summary><dl>";
    html += definition("model", plan_.experiment.models[cell.model].name);
    for (std::size_t i = 0; i < plan_.axes.size(); ++i) html += definition(plan_.axes[i], cell.axes[i]);
    html += definition("prompt", cell.options.prompt) +
            definition("negative prompt", cell.options.negative_prompt) +
            definition("seed", std::to_string(cell.seed));
    for (const std::string& name : measured(results_)) {
      const auto value = result.metrics.find(name);
      if (value != result.metrics.end())
        html += definition(metric(name).title, fixed(value->second, metric(name).decimals));
    }
    html += definition("size", std::to_string(record.width) + "x" + std::to_string(record.height)) +
            definition("seconds", fixed(record.seconds, 2)) + definition("file", record.picture) +
            definition("checkpoint",
                       cell.options.model.ckpt + " (SHA-256 " + record.checkpoint_sha256.substr(0, 10) + ")");
    return html + "</dl><code class=\"command\">" + escaped(command_line(plan_, cell)) +
           "</code></details></figure>";
  }

  /// What stands under a picture: the first thing that was measured of it.
  std::string summary(const Result& result) const {
    for (const std::string& name : measured(results_)) {
      const auto value = result.metrics.find(name);
      if (value != result.metrics.end())
        return name + " " + fixed(value->second, std::min(metric(name).decimals, 3));
    }
    return "details";
  }

  std::string source(const Record& record) const {
    if (!images_.embedded) return escaped(record.picture);
    return "data:image/png;base64," + base64(files::read_file(files::join(results_.folder, record.picture),
                                                              "a picture", kLongestPicture));
  }

  const Results& results_;
  const Plan& plan_;
  const PageImages& images_;
  MatrixLayout layout_;
  std::map<std::size_t, const Result*> results_by_cell_;
  std::map<std::pair<MatrixLine, MatrixLine>, std::size_t> cells_;
};

}  // namespace

PageImages page_images(const Results& results) {
  PageImages images;
  for (const Result& result : results.pictures) {
    std::error_code ignored;
    const auto bytes =
        std::filesystem::file_size(files::join(results.folder, result.record.picture), ignored);
    if (!ignored) images.bytes += bytes;
  }
  images.embedded =
      images.bytes <= static_cast<std::uint64_t>(results.plan->experiment.report.embed_mb) * kMegabyte;
  return images;
}

std::string matrix_html(const Results& results, const PageImages& images) {
  return Matrix(results, images).html();
}

std::string matrix_json(const Results& results) {
  const Plan& plan = *results.plan;
  const std::vector<std::string> axes = varying_axes(plan);
  Json json{{"axes", Json::array()}, {"pictures", Json::object()}};
  std::vector<std::vector<std::string>> values;
  for (const std::string& axis : axes) {
    values.push_back(values_of(plan, axis));
    json["axes"].push_back({{"name", axis}, {"values", values.back()}});
  }
  const std::vector<std::optional<std::size_t>> compared = compared_cells(plan);
  for (const Result& result : results.pictures) {
    const Cell& cell = plan.cells[result.cell];
    Json places = Json::array();
    for (std::size_t i = 0; i < axes.size(); ++i) {
      const auto found = std::find(values[i].begin(), values[i].end(), value_of(plan, cell, axes[i]));
      places.push_back(found - values[i].begin());
    }
    Json picture{{"at", places}, {"label", label_of(plan, cell)}};
    if (!result.compared_to.empty()) picture["to"] = *compared[result.cell];
    json["pictures"][std::to_string(result.cell)] = picture;
  }
  std::string text = json.dump(-1, ' ', false, Json::error_handler_t::replace);
  // "</script>" and "<!--" would end the element.
  for (std::size_t at = text.find('<'); at != std::string::npos; at = text.find('<', at))
    text.replace(at, 1, "\\u003c");
  return text;
}

}  // namespace ldm::experiments
