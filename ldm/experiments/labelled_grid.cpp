#include <ATen/ATen.h>

#include <algorithm>
#include <cmath>
#include <map>
#include <opencv2/core.hpp>
#include <opencv2/imgproc.hpp>
#include <string>
#include <vector>

#include "ldm/data/png.h"
#include "ldm/experiments/grid_layout.h"
#include "ldm/experiments/report.h"
#include "ldm/files/output_folder.h"

namespace ldm::experiments {
namespace {

constexpr std::int64_t kReadable = 160;  // pixels of a picture beside which a label has room
constexpr int kFont = cv::FONT_HERSHEY_SIMPLEX;
constexpr double kFontHeight = 22;  // pixels of a capital letter at scale 1, about
const cv::Scalar kInk(20, 20, 24), kPaper(255, 255, 255), kEmpty(225, 225, 230);

/// The picture as OpenCV sees it: the same memory, [H, W, 3].
cv::Mat view_of(const at::Tensor& picture) {
  return cv::Mat(static_cast<int>(picture.size(0)), static_cast<int>(picture.size(1)), CV_8UC3,
                 picture.data_ptr());
}

/// Draws one grid.
class Grid {
 public:
  explicit Grid(const Results& results)
      : results_(results),
        plan_(*results.plan),
        title_(plan_.experiment.title),
        matrix_(matrix_layout(plan_)),
        rows_(matrix_lines(plan_, matrix_.down)),
        columns_(matrix_lines(plan_, matrix_.across)) {
    leave_out(rows_, "rows");
    leave_out(columns_, "columns");
    std::int64_t height = 64, width = 64;
    for (const Result& result : results.pictures) {
      done_.emplace(result.cell, &result);
      height = std::max(height, result.record.height);
      width = std::max(width, result.record.width);
    }
    zoom_ = std::max<std::int64_t>(1, kReadable / std::max(height, width));
    layout_ = grid_layout(rows_.size(), columns_.size(), height * zoom_, width * zoom_, !matrix_.down.empty(),
                          matrix_.across.size() + 1);
    const std::int64_t high = layout_.y(rows_.size()), wide = layout_.x(columns_.size());
    picture_ = at::empty({high, wide, 3}, at::kByte);
    canvas_ = view_of(picture_);
    canvas_.setTo(kPaper);
  }

  at::Tensor draw() {
    write(title_, layout_.gap, layout_.gap, layout_.x(columns_.size()));
    for (std::size_t column = 0; column < columns_.size(); ++column) write_column(column);
    for (std::size_t row = 0; row < rows_.size(); ++row) write_row(row);
    for (std::size_t i = 0; i < plan_.cells.size(); ++i) paste(i);
    return picture_;
  }

 private:
  /// Keeps the lines for which there is room; if these are not all, the title says so.
  void leave_out(std::vector<MatrixLine>& lines, const std::string& what) {
    if (lines.size() <= kMostLines) return;
    title_ = std::to_string(kMostLines) + " of " + std::to_string(lines.size()) + " " + what + ": " + title_;
    lines.resize(kMostLines);
  }

  double scale() const { return static_cast<double>(layout_.text_height) / kFontHeight * 0.8; }

  std::size_t letters_in(std::int64_t pixels) const {
    int baseline = 0;
    const double letter = cv::getTextSize("nnnnnnnnnn", kFont, scale(), 1, &baseline).width / 10.0;
    return static_cast<std::size_t>(std::max(1.0, static_cast<double>(pixels) / letter));
  }

  /// A line of text whose upper left corner is there.
  void write(const std::string& text, std::int64_t x, std::int64_t y, std::int64_t width) {
    const cv::Point foot(static_cast<int>(x), static_cast<int>(y + layout_.text_height * 4 / 5));
    cv::putText(canvas_, ascii_label(text, letters_in(width)), foot, kFont, scale(), kInk, 1, cv::LINE_AA);
  }

  void write_column(std::size_t column) {
    for (std::size_t axis = 0; axis < matrix_.across.size(); ++axis) {
      const std::int64_t line = static_cast<std::int64_t>(axis) + 1;
      const std::string& name = matrix_.across[axis];
      std::string text = (name == "model" ? "" : name + " ") + columns_[column][axis];
      // The value says more than its name.
      if (text.size() > letters_in(layout_.picture_width)) text = columns_[column][axis];
      write(text, layout_.x(column), layout_.gap + line * (layout_.text_height + layout_.gap),
            layout_.picture_width);
    }
  }

  void write_row(std::size_t row) {
    std::int64_t y = layout_.y(row);
    for (std::size_t axis = 0; axis < matrix_.down.size(); ++axis) {
      const std::string& name = matrix_.down[axis];
      std::string text = (name == "model" || name == "prompt" ? "" : name + " ") + rows_[row][axis];
      text = ascii_label(text, text.size());  // a byte for each letter
      const std::size_t letters = letters_in(layout_.left - 2 * layout_.gap);
      // As many lines as there is room for beside the picture.
      while (!text.empty() && y + layout_.text_height <= layout_.y(row) + layout_.picture_height) {
        const bool last = y + 2 * layout_.text_height > layout_.y(row) + layout_.picture_height;
        const std::size_t blank = text.size() > letters ? text.rfind(' ', letters) : std::string::npos;
        const std::size_t cut = blank == std::string::npos || blank == 0 ? letters : blank;
        write(last ? text : text.substr(0, cut), layout_.gap, y, layout_.left - 2 * layout_.gap);
        text.erase(0, std::min(text.size(), cut == blank ? cut + 1 : cut));
        y += layout_.text_height;
      }
    }
  }

  std::size_t place_in(const std::vector<MatrixLine>& lines, const std::vector<std::string>& axes,
                       const Cell& cell) const {
    MatrixLine line;
    for (const std::string& axis : axes) line.push_back(value_of(plan_, cell, axis));
    return static_cast<std::size_t>(std::find(lines.begin(), lines.end(), line) - lines.begin());
  }

  void paste(std::size_t index) {
    const Cell& cell = plan_.cells[index];
    const std::size_t column = place_in(columns_, matrix_.across, cell);
    const std::size_t row = place_in(rows_, matrix_.down, cell);
    if (column == columns_.size() || row == rows_.size()) return;  // no room for it
    const cv::Rect place(static_cast<int>(layout_.x(column)), static_cast<int>(layout_.y(row)),
                         static_cast<int>(layout_.picture_width), static_cast<int>(layout_.picture_height));
    const auto result = done_.find(index);
    if (result == done_.end()) {
      canvas_(place).setTo(kEmpty);
      return;
    }
    const at::Tensor pixels =
        data::read_png(files::join(results_.folder, result->second->record.picture)).pixels;
    const cv::Mat whole = view_of(pixels);
    // A picture that is smaller than the largest one stays smaller.
    const double scale = std::min({static_cast<double>(zoom_), static_cast<double>(place.width) / whole.cols,
                                   static_cast<double>(place.height) / whole.rows});
    const cv::Size size(std::max(1, static_cast<int>(std::lround(whole.cols * scale))),
                        std::max(1, static_cast<int>(std::lround(whole.rows * scale))));
    cv::Mat shown = whole;
    if (size != whole.size()) {
      cv::resize(whole, shown, size, 0, 0, scale > 1 ? cv::INTER_NEAREST : cv::INTER_AREA);
    }
    shown.copyTo(canvas_(cv::Rect(place.tl(), size)));
  }

  const Results& results_;
  const Plan& plan_;
  std::string title_;
  MatrixLayout matrix_;
  std::vector<MatrixLine> rows_, columns_;
  std::map<std::size_t, const Result*> done_;
  std::int64_t zoom_ = 1;  ///< of pictures that are too small for labels beside them
  GridLayout layout_;
  at::Tensor picture_;
  cv::Mat canvas_;
};

}  // namespace

at::Tensor labelled_grid(const Results& results) {
  return Grid(results).draw();
}

}  // namespace ldm::experiments
