#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

namespace ldm::files {

/// New files of one folder whose names differ by a running number. Numbers that are in use, by an older file
/// or by one that another program writes at the same time, are skipped: nothing is ever overwritten. Not for
/// use by two threads at once; any number of objects may share a folder.
class NumberedFiles {
 public:
  /// `pattern` is a file name with one number in it, written as for printf: "grid-%04d.png", here with at
  /// least four digits. `first` >= 0 is the first number to try. Throws std::invalid_argument for other
  /// patterns and numbers.
  NumberedFiles(std::string folder, const std::string& pattern, std::int64_t first);

  /// Writes a whole file with the next free number and gives its path. Throws FileError as OutputFile does;
  /// then no number is used up.
  std::string write(std::string_view bytes);

 private:
  std::string path(std::int64_t number) const;

  std::string folder_, before_, after_;
  std::size_t digits_ = 0;
  std::int64_t next_;
};

}  // namespace ldm::files
