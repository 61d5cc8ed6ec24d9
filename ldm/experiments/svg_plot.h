#pragma once

#include <string>
#include <utility>
#include <vector>

namespace ldm::experiments {

/// One line of a plot.
struct Series {
  std::string name;
  std::vector<std::pair<double, double>> points;  ///< x, y; those that are not finite are left out
};

/// A plot of lines over one axis.
struct Plot {
  std::string title, x_label, y_label;
  std::vector<Series> series;  ///< empty ones are not drawn
};

/// Whether there is a point to draw.
bool has_points(const Plot& plot);

/// The plot as an <svg> element that fits any width; colours come from the page's classes s0 to s7, and lines
/// differ by their dashes, too. Its text is escaped.
std::string svg_of(const Plot& plot);

/// Round numbers that cover the range from `least` to `most`: about `wanted` of them, two or more.
std::vector<double> ticks(double least, double most, int wanted);

}  // namespace ldm::experiments
