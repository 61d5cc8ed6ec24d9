#include "ldm/experiments/svg_plot.h"

#include <algorithm>
#include <cmath>
#include <limits>

#include "ldm/experiments/html_text.h"

namespace ldm::experiments {
namespace {

constexpr double kWidth = 640, kHeight = 360, kLeft = 72, kRight = 16, kTop = 36, kBottom = 52;
constexpr double kLegendLine = 18;
constexpr std::size_t kColours = 8;
constexpr int kTicks = 5;

bool finite(const std::pair<double, double>& point) {
  return std::isfinite(point.first) && std::isfinite(point.second);
}

struct Range {
  double least = std::numeric_limits<double>::infinity(), most = -std::numeric_limits<double>::infinity();

  void add(double value) {
    least = std::min(least, value);
    most = std::max(most, value);
  }
};

/// From values to places of the drawing.
struct Scale {
  std::vector<double> marks;
  double from, to;  ///< places of the first and the last mark

  double operator()(double value) const {
    return from + (value - marks.front()) / (marks.back() - marks.front()) * (to - from);
  }
};

std::string text_at(double x, double y, const std::string& anchor, const std::string& text,
                    const std::string& more = "") {
  return "<text x=\"" + fixed(x, 1) + "\" y=\"" + fixed(y, 1) + "\" text-anchor=\"" + anchor + "\"" + more +
         ">" + escaped(text) + "</text>";
}

std::string line(double x1, double y1, double x2, double y2) {
  return "<line x1=\"" + fixed(x1, 1) + "\" y1=\"" + fixed(y1, 1) + "\" x2=\"" + fixed(x2, 1) + "\" y2=\"" +
         fixed(y2, 1) + "\"/>";
}

std::string axes(const Scale& x, const Scale& y, const Plot& plot) {
  std::string svg = "<g class=\"grid\">";
  for (const double mark : x.marks) svg += line(x(mark), kTop, x(mark), kHeight - kBottom);
  for (const double mark : y.marks) svg += line(kLeft, y(mark), kWidth - kRight, y(mark));
  svg += "</g><g class=\"labels\">";
  for (const double mark : x.marks) svg += text_at(x(mark), kHeight - kBottom + 18, "middle", brief(mark));
  for (const double mark : y.marks) svg += text_at(kLeft - 8, y(mark) + 4, "end", brief(mark));
  svg += text_at((kLeft + kWidth - kRight) / 2, kHeight - 10, "middle", plot.x_label);
  const double middle = (kTop + kHeight - kBottom) / 2;
  svg +=
      text_at(16, middle, "middle", plot.y_label, " transform=\"rotate(-90 16 " + fixed(middle, 1) + ")\"");
  return svg + text_at(kLeft, 20, "start", plot.title, " class=\"title\"") + "</g>";
}

std::string series_of(const Series& series, std::size_t number, const Scale& x, const Scale& y) {
  std::string path, dots;
  for (const auto& point : series.points) {
    if (!finite(point)) continue;
    const std::string place = fixed(x(point.first), 2) + " " + fixed(y(point.second), 2);
    path += (path.empty() ? "M" : "L") + place;
    dots += "<circle cx=\"" + fixed(x(point.first), 2) + "\" cy=\"" + fixed(y(point.second), 2) +
            "\" r=\"3\"><title>" +
            escaped(series.name + ": " + brief(point.first) + ", " + brief(point.second)) +
            "</title></circle>";
  }
  const std::string name = "s" + std::to_string(number % kColours);
  return "<g class=\"" + name + "\"><path d=\"" + path + "\"/>" + dots + "</g>";
}

std::string legend(const std::vector<const Series*>& drawn) {
  std::string svg;
  double y = kHeight + kLegendLine / 2;
  for (std::size_t i = 0; i < drawn.size(); ++i, y += kLegendLine) {
    svg += "<g class=\"s" + std::to_string(i % kColours) + "\"><path d=\"M" + fixed(kLeft, 0) + " " +
           fixed(y - 4, 0) + "h28\"/></g>" + text_at(kLeft + 36, y, "start", drawn[i]->name);
  }
  return svg;
}

}  // namespace

bool has_points(const Plot& plot) {
  return std::any_of(plot.series.begin(), plot.series.end(), [](const Series& series) {
    return std::any_of(series.points.begin(), series.points.end(), finite);
  });
}

std::vector<double> ticks(double least, double most, int wanted) {
  if (!(most > least)) {
    const double around = least == 0 ? 1 : std::abs(least) * 0.1;
    return ticks(least - around, least + around, wanted);
  }
  const double rough = (most - least) / wanted, power = std::pow(10, std::floor(std::log10(rough)));
  const double lead = rough / power;
  const double step = power * (lead <= 1 ? 1 : lead <= 2 ? 2 : lead <= 5 ? 5 : 10);
  std::vector<double> marks;
  for (double k = std::floor(least / step + 1e-9); k * step < most + step * (1 - 1e-9); ++k)
    marks.push_back(k * step);
  return marks;
}

std::string svg_of(const Plot& plot) {
  Range x_range, y_range;
  std::vector<const Series*> drawn;
  for (const Series& series : plot.series) {
    for (const auto& point : series.points) {
      if (!finite(point)) continue;
      x_range.add(point.first);
      y_range.add(point.second);
    }
    if (std::any_of(series.points.begin(), series.points.end(), finite)) drawn.push_back(&series);
  }
  if (drawn.empty()) return "";
  const Scale x{ticks(x_range.least, x_range.most, kTicks), kLeft, kWidth - kRight};
  const Scale y{ticks(y_range.least, y_range.most, kTicks), kHeight - kBottom, kTop};
  const double height = kHeight + (drawn.size() > 1 ? kLegendLine * static_cast<double>(drawn.size()) : 0);
  std::string svg = "<svg class=\"plot\" role=\"img\" viewBox=\"0 0 " + fixed(kWidth, 0) + " " +
                    fixed(height, 0) + "\" aria-label=\"" + escaped(plot.title) + "\">" + axes(x, y, plot);
  for (std::size_t i = 0; i < drawn.size(); ++i) svg += series_of(*drawn[i], i, x, y);
  if (drawn.size() > 1) svg += legend(drawn);
  return svg + "</svg>";
}

}  // namespace ldm::experiments
