#pragma once

#include <cstdint>
#include <fstream>
#include <map>
#include <string>
#include <vector>

namespace ldm::training {

/// A row of a loss curve: values by name.
using Metrics = std::map<std::string, double>;

/// A loss curve as a CSV file that grows while training runs: columns `step` and `epoch`, then the metrics of
/// the first row by name. Each row is on the disk's side as soon as it is written.
class MetricsFile {
 public:
  /// Begins the file or goes on with it. Of a file that is there, rows after `step` are dropped: the run that
  /// is resumed makes them again. Throws files::FileError if it cannot be read or written.
  MetricsFile(std::string path, std::int64_t step);

  /// A metric that has no column yet gets one, empty in the rows before: the file is written anew.
  void add(std::int64_t step, std::int64_t epoch, const Metrics& metrics);

 private:
  void rewrite();
  std::string row_text(const std::vector<std::string>& row) const;
  void append(const std::string& line);

  std::string path_;
  std::vector<std::string> columns_;
  std::vector<std::vector<std::string>> rows_;
  std::ofstream file_;
};

}  // namespace ldm::training
