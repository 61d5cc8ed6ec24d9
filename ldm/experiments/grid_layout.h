#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

namespace ldm::experiments {

/// The longest side of a grid, in pixels.
constexpr std::int64_t kLongestGrid = 16384;
/// Rows or columns for which a grid has room, however large the pictures are and long the labels.
constexpr std::size_t kMostLines = 1024;

/// Where things stand on a grid of pictures with labels, in pixels.
struct GridLayout {
  std::int64_t picture_height = 0, picture_width = 0;  ///< as they are shown
  std::int64_t text_height = 0;                        ///< of a line
  std::int64_t left = 0, top = 0;                      ///< room for the labels of rows and columns
  std::int64_t gap = 4;

  std::int64_t x(std::size_t column) const {
    return left + static_cast<std::int64_t>(column) * (picture_width + gap);
  }
  std::int64_t y(std::size_t row) const {
    return top + static_cast<std::int64_t>(row) * (picture_height + gap);
  }
};

/// For pictures of that size, shown smaller where the grid would else be longer than kLongestGrid; letters
/// follow the size that is shown.
/// `label_lines`: lines above the columns, title included. Throws std::invalid_argument for more rows or
/// columns than that many pixels can show.
GridLayout grid_layout(std::size_t rows, std::size_t columns, std::int64_t height, std::int64_t width,
                       bool row_labels, std::size_t label_lines);

/// Text as OpenCV's fonts can show it, at most `letters` long: a '?' for each character beyond ASCII, "..."
/// for what does not fit.
std::string ascii_label(const std::string& text, std::size_t letters);

}  // namespace ldm::experiments
