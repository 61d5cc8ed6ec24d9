#include "ldm/experiments/grid_layout.h"

#include <algorithm>
#include <stdexcept>

namespace ldm::experiments {
namespace {

constexpr std::int64_t kLeastText = 12, kMostText = 28;
constexpr std::int64_t kWidestLabel = 1024;
constexpr std::int64_t kLeastPicture = 8;

/// How large pictures may be so that `count` of them fit beside the labels.
std::int64_t fitting(std::size_t count, std::int64_t wanted, std::int64_t labels, std::int64_t gap) {
  const auto n = static_cast<std::int64_t>(count);
  const std::int64_t room = (kLongestGrid - labels) / n - gap;
  if (room < kLeastPicture) {
    throw std::invalid_argument("expected a grid that " + std::to_string(kLongestGrid) +
                                " pixels can show, got " + std::to_string(n) + " pictures in a line");
  }
  return std::min(wanted, room);
}

}  // namespace

GridLayout grid_layout(std::size_t rows, std::size_t columns, std::int64_t height, std::int64_t width,
                       bool row_labels, std::size_t label_lines) {
  // `shown`: about how wide pictures will be.
  const auto fitted = [&](std::int64_t shown) {
    GridLayout layout;
    layout.text_height = std::clamp(shown / 10, kLeastText, kMostText);
    const std::int64_t label = std::max(layout.text_height * 12, std::min(shown / 2, kWidestLabel));
    layout.left = layout.gap + (row_labels ? label : 0);
    layout.top = layout.gap + static_cast<std::int64_t>(label_lines) * (layout.text_height + layout.gap);
    const std::int64_t most_wide = fitting(columns, width, layout.left, layout.gap);
    const std::int64_t most_high = fitting(rows, height, layout.top, layout.gap);
    const double shrink = std::min(static_cast<double>(most_wide) / static_cast<double>(width),
                                   static_cast<double>(most_high) / static_cast<double>(height));
    const auto shrunk = [&](std::int64_t side) {
      return std::max<std::int64_t>(1, static_cast<std::int64_t>(static_cast<double>(side) * shrink));
    };
    layout.picture_width = shrunk(width);
    layout.picture_height = shrunk(height);
    return layout;
  };
  const GridLayout first = fitted(width);
  // Smaller letters leave no less room: what is shown is as large as it was, or a little larger.
  return first.picture_width < width ? fitted(first.picture_width) : first;
}

std::string ascii_label(const std::string& text, std::size_t letters) {
  std::string label;
  for (const char c : text) {
    const auto byte = static_cast<unsigned char>(c);
    if ((byte & 0xC0U) == 0x80U) continue;  // the rest of a character that has its '?' already
    label += byte < 0x20 ? ' ' : byte < 0x7F ? c : '?';
  }
  if (label.size() <= letters) return label;
  return letters < 4 ? label.substr(0, letters) : label.substr(0, letters - 3) + "...";
}

}  // namespace ldm::experiments
