#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

namespace ldm::data {

/// Reads comma-separated values by RFC 4180: fields may stand in double quotes, and then hold commas, line
/// ends and, doubled, quotes. Lines end with "\n" or "\r\n"; lines with nothing on them are passed over.
class CsvReader {
 public:
  /// `text` must outlive the reader; `name` stands for the file in messages.
  CsvReader(std::string_view text, std::string name) : text_(text), name_(std::move(name)) {}

  /// Fills `fields` with those of the next row; false at the end. Throws files::FileError, with file and
  /// line, for a quote that is not closed, one inside a field without quotes, and text after a closing quote.
  bool next_row(std::vector<std::string>& fields);

  /// The line on which the row read last begins, from 1.
  std::size_t line() const { return row_line_; }

 private:
  bool at_end() const { return at_ == text_.size(); }
  bool skip_line_end();
  std::string quoted_field();
  std::string plain_field();
  [[noreturn]] void fail(const std::string& got) const;

  std::string_view text_;
  std::string name_;
  std::size_t at_ = 0, line_ = 1, row_line_ = 1;
};

}  // namespace ldm::data
