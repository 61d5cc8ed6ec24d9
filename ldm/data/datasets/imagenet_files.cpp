#include "ldm/data/datasets/imagenet_files.h"

#include <algorithm>
#include <charconv>
#include <filesystem>
#include <system_error>

#include "ldm/config/config.h"
#include "ldm/data/datasets/file_lists.h"
#include "ldm/files/error.h"
#include "ldm/files/output_folder.h"
#include "ldm/files/text.h"

namespace ldm::data {
namespace {

namespace fs = std::filesystem;

constexpr const char* kIgnored = "n06596364_9591.JPEG";

bool exists(const std::string& path) {
  std::error_code error;
  return fs::exists(path, error);
}

bool is_ignored(const std::string& relpath) {
  return relpath.substr(relpath.rfind('/') + 1) == kIgnored;
}

std::vector<std::string> read_list(const std::string& path) {
  std::vector<std::string> relpaths;
  const std::vector<std::string> lines = split_lines(read_text(path, "a list of ImageNet's files"));
  for (std::size_t i = 0; i < lines.size(); ++i) {
    if (lines[i].empty()) continue;
    const std::size_t slash = lines[i].find('/');
    if (slash == 0 || slash == std::string::npos) {
      throw files::FileError(line_of(path, i + 1) + ": expected SYNSET/FILE.JPEG, got '" +
                             files::printable(lines[i]) + "'");
    }
    relpaths.push_back(lines[i]);
  }
  return relpaths;
}

/// As the reference's glob: files exactly one folder deep, with the extension in capitals.
std::vector<std::string> list_data(const std::string& data) {
  std::vector<std::string> relpaths;
  for (const std::string& path : find_files(data, {".jpeg"})) {
    const bool one_deep = std::count(path.begin(), path.end(), '/') == 1;
    if (one_deep && fs::path(path).extension() == ".JPEG") relpaths.push_back(path);
  }
  return relpaths;
}

std::int64_t parse_index(const config::Node& map, const std::string& key) {
  std::int64_t index = 0;
  const auto [end, error] = std::from_chars(key.data(), key.data() + key.size(), index);
  if (error != std::errc() || end != key.data() + key.size()) {
    map.at(key).fail("expected an index as the key, got '" + key + "'");
  }
  return index;
}

}  // namespace

std::vector<std::string> read_imagenet_list(const std::string& root) {
  const std::string list = files::join(root, "filelist.txt"), data = files::join(root, "data");
  if (!exists(list) && !exists(data)) {
    throw files::FileError(
        "'" + root +
        "': expected ImageNet's images in data/SYNSET/FILE.JPEG there, and a line "
        "SYNSET/FILE.JPEG for each in filelist.txt if not all are meant; got neither. Unpack "
        "ILSVRC2012's archives there (nothing is downloaded), or set data_root to the folder "
        "above");
  }
  std::vector<std::string> relpaths = exists(list) ? read_list(list) : list_data(data);
  relpaths.erase(std::remove_if(relpaths.begin(), relpaths.end(), is_ignored), relpaths.end());
  if (relpaths.empty()) {
    throw files::FileError("'" + (exists(list) ? list : data) + "': expected images of ImageNet, got none");
  }
  return relpaths;
}

std::map<std::string, std::string> read_synset_human(const std::string& root) {
  std::map<std::string, std::string> human;
  const std::string path = files::join(root, "synset_human.txt");
  if (!exists(path)) return human;
  const std::vector<std::string> lines = split_lines(read_text(path, "names of synsets"));
  for (std::size_t i = 0; i < lines.size(); ++i) {
    const std::size_t begin = lines[i].find_first_not_of(" \t");
    const std::size_t end = std::min(lines[i].find_first_of(" \t", begin), lines[i].size());
    const std::size_t names = lines[i].find_first_not_of(" \t", end);
    if (begin == std::string::npos || names == std::string::npos) {
      throw files::FileError(line_of(path, i + 1) + ": expected a synset and its names, got '" +
                             files::printable(lines[i]) + "'");
    }
    human[lines[i].substr(begin, end - begin)] = lines[i].substr(names);
  }
  return human;
}

std::map<std::int64_t, std::string> read_index_synset(const std::string& root) {
  const std::string path = files::join(root, "index_synset.yaml");
  if (!exists(path)) {
    throw files::FileError("'" + path +
                           "': expected the synset of each index, a line 'INDEX: SYNSET' each, which "
                           "sub_indices and keep_orig_class_label need; got no such file");
  }
  const config::Node map = config::Config::from_file(path).root();
  std::map<std::int64_t, std::string> synsets;
  for (const std::string& key : map.keys()) synsets[parse_index(map, key)] = map.at(key).as_text();
  return synsets;
}

std::string synset_of(const std::string& relpath) {
  return relpath.substr(0, relpath.find('/'));
}

}  // namespace ldm::data
