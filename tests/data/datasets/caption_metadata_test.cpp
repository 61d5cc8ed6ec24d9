#include "ldm/data/datasets/caption_metadata.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>

#include "ldm/files/error.h"
#include "tests/data/datasets/dataset_test_util.h"
#include "tests/support/files.h"

namespace ldm::data {
namespace {

using ldm::testing::error_of;
using ldm::testing::new_folder;
using ldm::testing::write_file;
using ::testing::HasSubstr;
using testing::write_pictures;

using Captions = std::vector<std::pair<std::string, std::vector<std::string>>>;

Captions captions_of(const std::string& folder, const std::optional<std::string>& metadata = {}) {
  Captions captions;
  for (const CaptionedImage& image : read_captions(folder, metadata)) {
    captions.emplace_back(image.file, image.captions);
  }
  return captions;
}

/// A folder with a.png, b.png and that file.
std::string folder_with(const std::string& name, const std::string& bytes) {
  const std::string folder = write_pictures(new_folder(), {"a.png", "b.png"});
  write_file(folder + "/" + name, bytes);
  return folder;
}

/// What is thrown for a file of captions, from the line number on.
std::string error(const std::string& name, const std::string& bytes) {
  const std::string folder = folder_with(name, bytes);
  const std::string text = error_of<files::FileError>([&] { read_captions(folder, {}); });
  const std::string start = folder + "/" + name + ":";
  EXPECT_THAT(text, ::testing::StartsWith(start));
  return text.substr(std::min(text.size(), start.size()));
}

TEST(ReadCaptions, JsonLinesAsHuggingFaceHasThem) {
  const std::string folder =
      folder_with("metadata.jsonl",
                  "\xEF\xBB\xBF{\"file_name\": \"b.png\", \"text\": \"b \\u00e9\", \"x\": 1}\n\n"
                  "{\"file_name\": \"./a.png\", \"text\": [\"a 1\", \"\"]}\r\n"
                  "{\"file_name\": \"b.png\", \"text\": \"b 2\"}");
  EXPECT_EQ(captions_of(folder), (Captions{{"a.png", {"a 1", ""}}, {"b.png", {"b \xC3\xA9", "b 2"}}}));
}

TEST(ReadCaptions, CsvWithColumnsInAnyOrder) {
  const std::string folder = folder_with(
      "metadata.csv", "id,text,file_name\n1,\"b, the \"\"second\"\"\",b.png\n2,a,a.png\n3,a again,a.png\n");
  EXPECT_EQ(captions_of(folder), (Captions{{"a.png", {"a", "a again"}}, {"b.png", {"b, the \"second\""}}}));
}

TEST(ReadCaptions, TextBesideEachImageInAnyFolder) {
  const std::string folder =
      write_pictures(new_folder(), {"z.png", "sub/deep/y.PNG", "Sub2/x.jpg", ".hidden.png", ".cache/w.png"});
  write_file(folder + "/z.txt", "one\n\n  two \r\n");
  write_file(folder + "/sub/deep/y.txt", "three");
  write_file(folder + "/Sub2/x.txt", "four");
  EXPECT_EQ(captions_of(folder),
            (Captions{{"Sub2/x.jpg", {"four"}}, {"sub/deep/y.PNG", {"three"}}, {"z.png", {"one", "two"}}}));
}

TEST(ReadCaptions, JsonLinesComeBeforeCsvAndThatBeforeText) {
  const std::string folder = folder_with("a.txt", "from the text\n");
  write_file(folder + "/b.txt", "from the text\n");
  EXPECT_EQ(captions_of(folder).size(), 2u);
  write_file(folder + "/metadata.csv", "file_name,text\na.png,from csv\n");
  EXPECT_EQ(captions_of(folder), (Captions{{"a.png", {"from csv"}}}));
  write_file(folder + "/metadata.jsonl", "{\"file_name\": \"a.png\", \"text\": \"from jsonl\"}\n");
  EXPECT_EQ(captions_of(folder), (Captions{{"a.png", {"from jsonl"}}}));
  EXPECT_EQ(captions_of(folder, "metadata.csv"), (Captions{{"a.png", {"from csv"}}}));
}

TEST(ReadCaptions, WrongJsonIsNamedWithItsLine) {
  const std::string good = "{\"file_name\": \"a.png\", \"text\": \"a\"}\n";
  EXPECT_THAT(error("metadata.jsonl", good + "{\"file_name\": \"b.png\", "),
              HasSubstr("2: expected a JSON object"));
  EXPECT_THAT(error("metadata.jsonl", "[1]"), HasSubstr("1: expected a JSON object, got array"));
  EXPECT_EQ(error("metadata.jsonl", good + "{\"text\": \"x\"}"), "2: expected the key file_name, got none");
  EXPECT_EQ(error("metadata.jsonl", "{\"file_name\": 1, \"text\": \"x\"}"),
            "1: expected file_name as a string, got number");
  EXPECT_THAT(error("metadata.jsonl", "{\"file_name\": \"a.png\"}"), HasSubstr("1: expected the key text"));
  EXPECT_EQ(error("metadata.jsonl", "{\"file_name\": \"a.png\", \"text\": null}"),
            "1: expected text as a string or a list of strings, got null");
  EXPECT_EQ(error("metadata.jsonl", "{\"file_name\": \"a.png\", \"text\": [\"x\", 2]}"),
            "1: expected strings in the list text, got number");
  EXPECT_THAT(error("metadata.jsonl", "{\"file_name\": \"a.png\", \"text\": []}"),
              HasSubstr("an empty list"));
  EXPECT_THAT(error("metadata.jsonl", std::string(100000, '[')), HasSubstr("1: expected a JSON object"));
}

TEST(ReadCaptions, WrongCsvIsNamedWithItsLine) {
  EXPECT_EQ(error("metadata.csv", "file,text\na.png,a\n"),
            "1: expected a header with the columns file_name and text, got none named file_name");
  EXPECT_THAT(error("metadata.csv", "file_name;text\n"), HasSubstr("1: expected a header"));
  EXPECT_EQ(error("metadata.csv", "file_name,text\na.png,\"a\nb\"\nb.png\n"),
            "4: expected 2 fields as in the header, got 1");
}

TEST(ReadCaptions, PathsThatLeaveTheFolderAreRefused) {
  for (const char* path : {"../a.png", "/etc/passwd", "x/../../a.png", "..", ".", "", "a\\u0000.png"}) {
    EXPECT_THAT(error("metadata.jsonl", std::string("{\"file_name\": \"") + path + "\", \"text\": \"x\"}"),
                HasSubstr("1: expected a path inside data_root, got '"))
        << path;
  }
  EXPECT_THAT(error("metadata.csv", "file_name,text\n../a.png,x\n"), HasSubstr("2: expected a path inside"));
  const std::string folder = folder_with("metadata.csv", "file_name,text\na.png,x\n");
  EXPECT_THAT(error_of<files::FileError>([&] { read_captions(folder, "../metadata.csv"); }),
              HasSubstr("metadata: expected a path inside data_root"));
}

TEST(ReadCaptions, MissingImagesAreNamedWithTheirLine) {
  EXPECT_THAT(error("metadata.jsonl", "{\"file_name\": \"c.png\", \"text\": \"x\"}"),
              HasSubstr("1: expected an image 'c.png' in '"));
  EXPECT_THAT(error("metadata.csv", "file_name,text\na.png,x\nsub/,y\n"),
              HasSubstr("3: expected an image 'sub/'"));
}

TEST(ReadCaptions, BytesThatAreNotUtf8AreNamedWithTheirLine) {
  EXPECT_THAT(error("metadata.csv", "file_name,text\na.png,caf\xE9\n"),
              HasSubstr("2: expected captions of images in "
                        "UTF-8, got 'a.png,caf\\xe9'"));
  EXPECT_THAT(error("metadata.jsonl", "{\"file_name\": \"a.png\", \"text\": \"caf\xE9\"}"),
              HasSubstr("UTF-8"));
}

TEST(ReadCaptions, SaysWhatIsMissing) {
  const auto message = [](const std::string& folder, std::optional<std::string> metadata = {}) {
    return error_of<files::FileError>([&] { read_captions(folder, metadata); });
  };
  const std::string folder = write_pictures(new_folder(), {"a.png"});
  EXPECT_THAT(message(folder),
              HasSubstr("a.png': expected its caption in 'a.txt' beside it, or a metadata.jsonl"));
  write_file(folder + "/a.txt", " \n");
  EXPECT_THAT(message(folder), HasSubstr("a.txt': expected a caption in each line, got only empty lines"));
  EXPECT_THAT(message(new_folder()), HasSubstr("expected images with captions, got none"));
  EXPECT_THAT(message(folder + "/none"), HasSubstr("expected a folder of images with captions (data_root)"));
  EXPECT_THAT(message(folder, "captions.json"), HasSubstr("in a .jsonl or a .csv file"));
  EXPECT_THAT(message(folder, "captions.csv"),
              HasSubstr("captions.csv': expected captions of images, got nothing"));
}

}  // namespace
}  // namespace ldm::data
