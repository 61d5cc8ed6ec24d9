#include "ldm/data/datasets/caption_metadata.h"

#include <algorithm>
#include <filesystem>
#include <map>
#include <nlohmann/json.hpp>
#include <system_error>

#include "ldm/data/datasets/csv.h"
#include "ldm/data/datasets/file_lists.h"
#include "ldm/files/error.h"
#include "ldm/files/output_folder.h"
#include "ldm/files/text.h"

namespace ldm::data {
namespace {

namespace fs = std::filesystem;
using nlohmann::json;

using Captions = std::map<std::string, std::vector<std::string>>;

[[noreturn]] void fail(const std::string& where, const std::string& expected_and_got) {
  throw files::FileError(where + ": " + expected_and_got);
}

std::string quoted(const std::string& text) {
  return "'" + files::printable(text) + "'";
}

/// A path of the metadata in one spelling. It must stay in the folder.
std::string inner_path(const std::string& file, const std::string& where) {
  const fs::path path = fs::path(file).lexically_normal();
  const bool leaves = file.empty() || file.find('\0') != std::string::npos || path.is_absolute() ||
                      *path.begin() == ".." || path == ".";
  if (leaves) fail(where, "expected a path inside data_root, got " + quoted(file));
  return path.generic_string();
}

void add(Captions& captions, const std::string& folder, const std::string& file,
         const std::vector<std::string>& texts, const std::string& where) {
  const std::string path = inner_path(file, where);
  std::vector<std::string>& known = captions[path];
  std::error_code error;
  if (known.empty() && !fs::is_regular_file(fs::path(folder) / path, error)) {
    fail(where, "expected an image " + quoted(path) + " in '" + folder + "', got nothing of that name");
  }
  known.insert(known.end(), texts.begin(), texts.end());
}

json parse_line(const std::string& line, const std::string& where) {
  try {
    json row = json::parse(line);
    if (row.is_object()) return row;
    fail(where, std::string("expected a JSON object, got ") + row.type_name());
  } catch (const json::exception& error) {
    fail(where, "expected a JSON object, got " + quoted(line) + ": " + files::printable(error.what()));
  }
}

std::string text_in(const json& value, const std::string& what, const std::string& where) {
  if (!value.is_string()) fail(where, "expected " + what + ", got " + value.type_name());
  return value.get<std::string>();
}

std::vector<std::string> texts_in(const json& row, const std::string& where) {
  if (!row.contains("text")) fail(where, "expected the key text, a caption or a list of them; got none");
  const json& value = row["text"];
  if (!value.is_array()) return {text_in(value, "text as a string or a list of strings", where)};
  if (value.empty()) fail(where, "expected at least one caption in text, got an empty list");
  std::vector<std::string> texts;
  for (const json& item : value) texts.push_back(text_in(item, "strings in the list text", where));
  return texts;
}

Captions read_jsonl(const std::string& folder, const std::string& path) {
  Captions captions;
  const std::vector<std::string> lines = split_lines(read_text(path, "captions of images"));
  for (std::size_t i = 0; i < lines.size(); ++i) {
    if (lines[i].find_first_not_of(" \t") == std::string::npos) continue;
    const std::string where = line_of(path, i + 1);
    const json row = parse_line(lines[i], where);
    if (!row.contains("file_name")) fail(where, "expected the key file_name, got none");
    add(captions, folder, text_in(row["file_name"], "file_name as a string", where), texts_in(row, where),
        where);
  }
  return captions;
}

std::size_t column(const std::vector<std::string>& header, const std::string& name,
                   const std::string& where) {
  const auto found = std::find(header.begin(), header.end(), name);
  if (found == header.end()) {
    fail(where, "expected a header with the columns file_name and text, got none named " + name);
  }
  return static_cast<std::size_t>(found - header.begin());
}

Captions read_csv(const std::string& folder, const std::string& path) {
  const std::string text = read_text(path, "captions of images");
  CsvReader reader(text, path);
  std::vector<std::string> header, row;
  reader.next_row(header);
  const std::size_t file = column(header, "file_name", line_of(path, reader.line()));
  const std::size_t caption = column(header, "text", line_of(path, reader.line()));
  Captions captions;
  while (reader.next_row(row)) {
    const std::string where = line_of(path, reader.line());
    if (row.size() != header.size()) {
      fail(where, "expected " + std::to_string(header.size()) + " fields as in the header, got " +
                      std::to_string(row.size()));
    }
    add(captions, folder, row[file], {row[caption]}, where);
  }
  return captions;
}

std::vector<std::string> read_caption_file(const std::string& path) {
  std::vector<std::string> captions;
  for (const std::string& line : split_lines(read_text(path, "a file with a caption in each line"))) {
    const std::size_t begin = line.find_first_not_of(" \t");
    if (begin == std::string::npos) continue;
    captions.push_back(line.substr(begin, line.find_last_not_of(" \t") + 1 - begin));
  }
  if (captions.empty()) fail("'" + path + "'", "expected a caption in each line, got only empty lines");
  return captions;
}

Captions read_caption_files(const std::string& folder) {
  Captions captions;
  for (const std::string& image : find_files(folder, image_extensions())) {
    const fs::path path = (fs::path(folder) / image).replace_extension(".txt");
    std::error_code error;
    if (!fs::exists(path, error)) {
      fail("'" + files::join(folder, image) + "'",
           "expected its caption in '" + path.filename().string() +
               "' beside it, or a metadata.jsonl or metadata.csv in '" + folder + "'; got none");
    }
    captions[image] = read_caption_file(path.string());
  }
  return captions;
}

/// The file with the captions; empty where each image has its own.
std::string metadata_path(const std::string& folder, const std::optional<std::string>& metadata) {
  if (metadata) return files::join(folder, inner_path(*metadata, "metadata"));
  for (const char* name : {"metadata.jsonl", "metadata.csv"}) {
    std::string path = files::join(folder, name);
    std::error_code error;
    if (fs::exists(path, error)) return path;
  }
  return "";
}

Captions read_all(const std::string& folder, const std::string& path) {
  if (path.empty()) return read_caption_files(folder);
  const std::string extension = fs::path(path).extension().string();
  if (extension == ".jsonl") return read_jsonl(folder, path);
  if (extension == ".csv") return read_csv(folder, path);
  fail("'" + path + "'", "expected captions in a .jsonl or a .csv file, got a name with another end");
}

}  // namespace

std::vector<CaptionedImage> read_captions(const std::string& folder,
                                          const std::optional<std::string>& metadata) {
  std::error_code error;
  if (!fs::is_directory(folder, error)) {
    fail("'" + folder + "'", "expected a folder of images with captions (data_root), got none");
  }
  const std::string path = metadata_path(folder, metadata);
  std::vector<CaptionedImage> images;
  for (auto& [file, captions] : read_all(folder, path)) images.push_back({file, std::move(captions)});
  if (images.empty()) {
    fail("'" + (path.empty() ? folder : path) + "'", "expected images with captions, got none");
  }
  return images;
}

}  // namespace ldm::data
