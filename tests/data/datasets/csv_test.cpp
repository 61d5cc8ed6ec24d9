#include "ldm/data/datasets/csv.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "ldm/files/error.h"
#include "tests/support/files.h"

namespace ldm::data {
namespace {

using ldm::testing::error_of;
using Rows = std::vector<std::vector<std::string>>;

Rows rows_of(const std::string& text) {
  CsvReader reader(text, "x.csv");
  Rows rows;
  for (std::vector<std::string> row; reader.next_row(row);) rows.push_back(row);
  return rows;
}

std::string error(const std::string& text) {
  return error_of<files::FileError>([&] { rows_of(text); });
}

TEST(Csv, FieldsAndLinesOfEitherEnd) {
  EXPECT_EQ(rows_of("a,b\nc,d\n"), (Rows{{"a", "b"}, {"c", "d"}}));
  EXPECT_EQ(rows_of("a,b\r\nc,d\r\n"), (Rows{{"a", "b"}, {"c", "d"}}));
  EXPECT_EQ(rows_of("a,b\n\n\r\nc,d"), (Rows{{"a", "b"}, {"c", "d"}}));
  EXPECT_EQ(rows_of("a,b\r"), (Rows{{"a", "b"}}));
  EXPECT_EQ(rows_of(""), Rows{});
}

TEST(Csv, FieldsMayBeEmpty) {
  EXPECT_EQ(rows_of(",\na,\n,b,\n\"\"\n"), (Rows{{"", ""}, {"a", ""}, {"", "b", ""}, {""}}));
}

TEST(Csv, QuotesKeepCommasLineEndsAndQuotes) {
  EXPECT_EQ(rows_of("\"a,b\",\"c\r\nd\",\"say \"\"hi\"\"\"\r\ne,f,g\n"),
            (Rows{{"a,b", "c\r\nd", "say \"hi\""}, {"e", "f", "g"}}));
  EXPECT_EQ(rows_of("a, b ,c d\n"), (Rows{{"a", " b ", "c d"}}));
}

TEST(Csv, LinesAreCountedThroughQuotes) {
  CsvReader reader("\"a\nb\nc\",d\n\ne,f\n", "x.csv");
  std::vector<std::string> row;
  ASSERT_TRUE(reader.next_row(row));
  EXPECT_EQ(reader.line(), 1u);
  ASSERT_TRUE(reader.next_row(row));
  EXPECT_EQ(reader.line(), 5u);
}

TEST(Csv, ErrorsNameTheLine) {
  EXPECT_EQ(
      error("a,b\nc,\"d\n"),
      "x.csv:2: expected a row of comma-separated values, got a field whose opening quote is never closed");
  EXPECT_THAT(error("a\nb\n\"c\"d\n"), ::testing::HasSubstr("x.csv:3: "));
  EXPECT_THAT(error("\"c\"d\n"), ::testing::HasSubstr("text after the closing quote"));
  EXPECT_THAT(error("a,5\" disk\n"), ::testing::HasSubstr("x.csv:1: expected a row"));
  EXPECT_THAT(error("a,5\" disk\n"), ::testing::HasSubstr("a quote inside a field without quotes"));
}

}  // namespace
}  // namespace ldm::data
