#include "ldm/data/datasets/csv.h"

#include <algorithm>

#include "ldm/data/datasets/file_lists.h"
#include "ldm/files/error.h"

namespace ldm::data {

void CsvReader::fail(const std::string& got) const {
  throw files::FileError(line_of(name_, row_line_) + ": expected a row of comma-separated values, got " +
                         got);
}

bool CsvReader::skip_line_end() {
  const std::size_t length = text_.compare(at_, 2, "\r\n") == 0 ? 2
                             : text_.compare(at_, 1, "\n") == 0 ? 1
                                                                : 0;
  at_ += length;
  line_ += length > 0 ? 1 : 0;
  return length > 0;
}

std::string CsvReader::quoted_field() {
  std::string field;
  for (++at_;; at_ += 2) {
    const std::size_t quote = text_.find('"', at_);
    if (quote == std::string_view::npos) fail("a field whose opening quote is never closed");
    field += text_.substr(at_, quote - at_);
    at_ = quote;
    if (text_.compare(at_, 2, "\"\"") != 0) break;
    field += '"';
  }
  ++at_;
  line_ += static_cast<std::size_t>(std::count(field.begin(), field.end(), '\n'));
  return field;
}

std::string CsvReader::plain_field() {
  const std::size_t end = std::min(text_.find_first_of(",\n", at_), text_.size());
  std::string field(text_.substr(at_, end - at_));
  at_ = end;
  // A carriage return before the line end belongs to that.
  if (!field.empty() && field.back() == '\r' && (at_end() || text_[at_] == '\n')) {
    field.pop_back();
    at_ -= at_end() ? 0 : 1;
  }
  if (field.find('"') != std::string::npos) {
    fail("a quote inside a field without quotes: put the field in quotes and double those inside");
  }
  return field;
}

bool CsvReader::next_row(std::vector<std::string>& fields) {
  while (skip_line_end()) {
  }
  if (at_end()) return false;
  fields.clear();
  row_line_ = line_;
  while (true) {
    fields.push_back(!at_end() && text_[at_] == '"' ? quoted_field() : plain_field());
    if (at_end() || skip_line_end()) return true;
    if (text_[at_] != ',') fail("text after the closing quote of a field: double the quotes inside a field");
    ++at_;
  }
}

}  // namespace ldm::data
