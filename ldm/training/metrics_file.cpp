#include "ldm/training/metrics_file.h"

#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <limits>
#include <sstream>
#include <utility>

#include "ldm/files/error.h"
#include "ldm/files/output_file.h"

namespace ldm::training {
namespace {

/// Names of metrics and numbers hold no commas and no quotes.
std::vector<std::string> split(const std::string& line) {
  std::vector<std::string> fields;
  std::istringstream stream(line + ",");
  for (std::string field; std::getline(stream, field, ',');) fields.push_back(field);
  return fields;
}

std::string number_text(double value) {
  std::ostringstream text;
  text.precision(std::numeric_limits<float>::max_digits10);
  text << value;
  return text.str();
}

}  // namespace

MetricsFile::MetricsFile(std::string path, std::int64_t step) : path_(std::move(path)) {
  columns_ = {"step", "epoch"};
  std::ifstream before(path_);
  std::string line;
  if (before && std::getline(before, line)) columns_ = split(line);
  if (columns_.size() < 2 || columns_[0] != "step") {
    throw files::FileError("'" + path_ + "': expected a loss curve with a column 'step' first, got '" + line +
                           "'; move it away");
  }
  while (std::getline(before, line)) {
    std::vector<std::string> row = split(line);
    // A row that a crash cut short is dropped too.
    if (row.size() == columns_.size() && std::atoll(row[0].c_str()) <= step) rows_.push_back(std::move(row));
  }
  rewrite();
}

std::string MetricsFile::row_text(const std::vector<std::string>& row) const {
  std::string text;
  for (std::size_t i = 0; i < columns_.size(); ++i) {
    if (i > 0) text += ',';
    if (i < row.size()) text += row[i];
  }
  return text + '\n';
}

void MetricsFile::rewrite() {
  file_.close();
  std::string text = row_text(columns_);
  for (const auto& row : rows_) text += row_text(row);
  files::replace_file(path_, text);
  file_.clear();
  file_.open(path_, std::ios::app);
}

void MetricsFile::append(const std::string& line) {
  file_ << line << std::flush;
  if (file_) return;
  throw files::WriteError("'" + path_ + "': expected to add a row, got an error from the disk; is it full?");
}

void MetricsFile::add(std::int64_t step, std::int64_t epoch, const Metrics& metrics) {
  std::vector<std::string> row{std::to_string(step), std::to_string(epoch)};
  row.resize(columns_.size());
  const std::size_t known = columns_.size();
  for (const auto& [name, value] : metrics) {
    const auto column = std::find(columns_.begin(), columns_.end(), name);
    if (column != columns_.end()) {
      row[static_cast<std::size_t>(column - columns_.begin())] = number_text(value);
    } else {
      columns_.push_back(name);
      row.push_back(number_text(value));
    }
  }
  rows_.push_back(row);
  if (columns_.size() > known) {
    rewrite();
  } else {
    append(row_text(row));
  }
}

}  // namespace ldm::training
