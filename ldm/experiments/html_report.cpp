#include <algorithm>

#include "ldm/experiments/html_matrix.h"
#include "ldm/experiments/html_text.h"
#include "ldm/experiments/metric_names.h"
#include "ldm/experiments/page_files.h"
#include "ldm/experiments/report.h"
#include "ldm/experiments/summary_rows.h"
#include "ldm/experiments/svg_plot.h"

namespace ldm::experiments {
namespace {

using Where = std::vector<std::pair<std::string, std::string>>;

bool varies(const Plan& plan, const std::string& axis) {
  const std::vector<std::string> axes = varying_axes(plan);
  return std::find(axes.begin(), axes.end(), axis) != axes.end();
}

/// The axis whose values are the lines of a plot over another one; empty for a single line.
std::string lines_axis(const Plan& plan, const std::string& over) {
  std::vector<std::string> candidates;
  if (plan.experiment.compare) candidates.push_back(plan.experiment.compare->axis);
  candidates.emplace_back("model");
  candidates.insert(candidates.end(), plan.axes.begin(), plan.axes.end());
  for (const std::string& axis : candidates) {
    if (axis != over && varies(plan, axis)) return axis;
  }
  return "";
}

/// The values of an axis as numbers; none if one is no number.
std::vector<double> numbers_of(const Plan& plan, const std::string& axis) {
  std::vector<double> numbers;
  for (const std::string& value : values_of(plan, axis)) {
    double number = 0;
    if (!parse_number(value, number)) return {};
    numbers.push_back(number);
  }
  return numbers;
}

Series series_over(const Results& results, const std::string& metric_name, const std::string& axis,
                   const Where& fixed_values, const std::string& name) {
  Series series{name, {}};
  const std::vector<std::string> values = values_of(*results.plan, axis);
  const std::vector<double> numbers = numbers_of(*results.plan, axis);
  for (std::size_t i = 0; i < values.size(); ++i) {
    Where where = fixed_values;
    where.emplace_back(axis, values[i]);
    const Mean mean = mean_of(results, metric_name, where);
    if (mean.count > 0) series.points.emplace_back(numbers[i], mean.mean);
  }
  std::sort(series.points.begin(), series.points.end());
  return series;
}

/// Each metric over each axis of numbers.
std::vector<Plot> metric_plots(const Results& results) {
  const Plan& plan = *results.plan;
  std::vector<Plot> plots;
  for (const std::string& axis : plan.axes) {
    if (!varies(plan, axis) || numbers_of(plan, axis).empty()) continue;
    const std::string lines = lines_axis(plan, axis);
    for (const std::string& name : measured(results)) {
      Plot plot{metric(name).title + " over " + axis, axis, metric(name).title, {}};
      if (lines.empty()) {
        plot.series.push_back(series_over(results, name, axis, {}, "all"));
      } else {
        for (const std::string& value : values_of(plan, lines)) {
          plot.series.push_back(series_over(results, name, axis, {{lines, value}}, lines + " " + value));
        }
      }
      if (has_points(plot)) plots.push_back(std::move(plot));
    }
  }
  return plots;
}

/// Mean over pictures of the distance after each step.
Series divergence_of(const Results& results, const std::string& axis, const std::string& value) {
  std::vector<double> sums;
  std::vector<std::size_t> counts;
  for (const Result& result : results.pictures) {
    const Cell& cell = results.plan->cells[result.cell];
    if (!axis.empty() && value_of(*results.plan, cell, axis) != value) continue;
    const std::vector<double>& distances = result.latent_distances;
    if (sums.size() < distances.size()) {
      sums.resize(distances.size());
      counts.resize(distances.size());
    }
    for (std::size_t step = 0; step < distances.size(); ++step) {
      sums[step] += distances[step];
      ++counts[step];
    }
  }
  Series series{axis.empty() ? "all" : axis + " " + value, {}};
  for (std::size_t step = 0; step < sums.size(); ++step) {
    series.points.emplace_back(static_cast<double>(step + 1), sums[step] / static_cast<double>(counts[step]));
  }
  return series;
}

Plot divergence_plot(const Results& results) {
  const Plan& plan = *results.plan;
  std::string axis;
  for (const std::string& candidate : plan.axes) {
    if (axis.empty() && varies(plan, candidate)) axis = candidate;
  }
  if (axis.empty()) axis = lines_axis(plan, "");
  Plot plot{"Where trajectories part: relative distance of the latents",
            "step",
            "|a - b| / |b|, mean over pictures",
            {}};
  const std::vector<std::string> values = axis.empty() ? std::vector<std::string>{""} : values_of(plan, axis);
  for (const std::string& value : values) plot.series.push_back(divergence_of(results, axis, value));
  return plot;
}

std::string summary_html(const Results& results) {
  const std::vector<std::string> names = measured(results);
  std::string html;
  for (const SummaryTable& table : summary_tables(results)) {
    html += "<div class=\"scroll\" tabindex=\"0\" role=\"region\" aria-label=\"Summary by " +
            escaped(table.axis) + "\"><table class=\"summary\"><thead><tr><th scope=\"col\">" +
            escaped(table.axis) + "</th>";
    for (const std::string& name : names)
      html += "<th scope=\"col\">" + escaped(metric(name).title) + "</th>";
    html += "</tr></thead><tbody>";
    for (const SummaryRow& row : table.rows) {
      html += "<tr><th scope=\"row\">" + escaped(row.value) + "</th>";
      for (std::size_t i = 0; i < names.size(); ++i)
        html += "<td>" + escaped(mean_text(row.means[i], names[i])) + "</td>";
      html += "</tr>";
    }
    html += "</tbody></table></div>";
  }
  return html.empty() ? ""
                      : "<section><h2>Summary</h2><p>Mean ± standard deviation (number of pictures).</p>" +
                            html + "</section>";
}

std::string plots_html(const Results& results) {
  std::string html;
  for (const Plot& plot : metric_plots(results)) html += svg_of(plot);
  const Plot divergence = divergence_plot(results);
  if (has_points(divergence)) html += svg_of(divergence);
  return html.empty() ? "" : "<section><h2>Plots</h2><div class=\"plots\">" + html + "</div></section>";
}

std::string weights_html(const Results& results) {
  std::string html;
  for (const WeightsResult& weights : results.weights) {
    html += "<h3>" + escaped(weights.checkpoint) + "</h3>";
    if (!weights.remark.empty()) {
      html += "<p>" + escaped(weights.checkpoint + " " + weights.remark) + ".</p>";
      continue;
    }
    double most = 0;
    for (const BlockDistance& block : weights.blocks) most = std::max(most, block.relative);
    html += "<p>All together: " + brief(weights.relative) +
            ".</p><div class=\"scroll\" tabindex=\"0\" role=\"region\" aria-label=\"Weights\">"
            "<table class=\"summary\"><thead><tr><th scope=\"col\">block</th><th "
            "scope=\"col\">tensors</th><th scope=\"col\">norm</th>"
            "<th scope=\"col\">relative distance</th><th></th></tr></thead><tbody>";
    for (const BlockDistance& block : weights.blocks) {
      const double share = most > 0 ? block.relative / most * 100 : 0;
      html += "<tr><th scope=\"row\">" + escaped(block.block) + "</th><td>" + std::to_string(block.tensors) +
              "</td><td>" + brief(block.norm) + "</td><td>" + fixed(block.relative, 5) +
              "</td><td class=\"bar\"><span style=\"width:" + fixed(share, 1) + "%\"></span></td></tr>";
    }
    html += "</tbody></table></div>";
  }
  if (html.empty()) return "";
  return "<section><h2>Averaged against trained weights</h2><p>|trained - averaged| / |trained| in the L2 "
         "norm.</p>" +
         html + "</section>";
}

std::string head_html(const Results& results, const PageImages& images) {
  const std::string sources = images.embedded ? "data:" : "data: file: 'self'";
  return "<!DOCTYPE html>\n<html lang=\"en\"><head><meta charset=\"utf-8\"><meta name=\"viewport\" "
         "content=\"width=device-width, "
         "initial-scale=1\"><meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; "
         "style-src 'unsafe-inline'; "
         "script-src 'unsafe-inline'; img-src " +
         sources + "\"><meta name=\"color-scheme\" content=\"light dark\"><title>" +
         escaped(results.plan->experiment.title) + "</title><style>" + std::string(page_css()) +
         ":root{--picture:" + std::to_string(results.plan->experiment.report.picture_side) +
         "px}</style></head><body>";
}

std::string about_html(const Results& results, const PageImages& images) {
  const Plan& plan = *results.plan;
  std::string html = "<header><h1>" + escaped(plan.experiment.title) + "</h1><p>" +
                     std::to_string(results.pictures.size()) + " of " + std::to_string(plan.cells.size()) +
                     " pictures are done";
  for (const std::string& axis : varying_axes(plan)) {
    html += ", " + escaped(axis) + ": " + std::to_string(values_of(plan, axis).size()) + " values";
  }
  html += ".";
  if (plan.experiment.compare) {
    html += " Each picture is compared with the one whose " + escaped(plan.experiment.compare->axis) +
            " is <em>" + escaped(plan.experiment.compare->to) +
            "</em> and which has the same prompt, the same seed and all else the same.";
  }
  if (!images.embedded) {
    html += " The pictures are too many to lie in this page (" + std::to_string(images.bytes / 1'000'000) +
            " MB): it shows the files in <code>images/</code>, which must stay beside it.";
  }
  return html + "</p></header>";
}

/// The picture at large; opened by the script.
std::string viewer_html() {
  return "<dialog id=\"viewer\" aria-label=\"Picture\"><div class=\"stage\"><img id=\"under\" alt=\"\"><img "
         "id=\"over\" alt=\"\">"
         "<canvas id=\"heat\"></canvas></div><p id=\"caption\"></p><p id=\"note\"></p>"
         "<div class=\"controls\"><button id=\"previous\" type=\"button\" aria-label=\"previous "
         "picture\">&larr;</button>"
         "<span id=\"views\"><label><input type=\"radio\" name=\"view\" value=\"picture\"> picture</label>"
         "<label><input type=\"radio\" name=\"view\" value=\"wipe\"> wipe</label>"
         "<label><input type=\"radio\" name=\"view\" value=\"heat\"> difference</label></span>"
         "<input id=\"at\" type=\"range\" min=\"0\" max=\"100\" aria-label=\"where the two pictures meet\">"
         "<button id=\"next\" type=\"button\" aria-label=\"next picture\">&rarr;</button>"
         "<button id=\"close\" type=\"button\">close</button></div></dialog>";
}

}  // namespace

std::string html_report(const Results& results) {
  const PageImages images = page_images(results);
  std::string html = head_html(results, images) + about_html(results, images) + "<main>" +
                     summary_html(results) + plots_html(results) + weights_html(results);
  html += "<section><h2>Pictures</h2><form id=\"filters\" hidden></form>" + matrix_html(results, images) +
          "</section></main>";
  html += viewer_html() + "<script type=\"application/json\" id=\"data\">" + matrix_json(results) +
          "</script><script>";
  return html + std::string(page_js()) + "</script></body></html>\n";
}

}  // namespace ldm::experiments
