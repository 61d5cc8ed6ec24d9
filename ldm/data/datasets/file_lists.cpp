#include "ldm/data/datasets/file_lists.h"

#include <sys/stat.h>

#include <algorithm>
#include <cstdint>
#include <cstdio>
#include <filesystem>
#include <system_error>

#include "ldm/files/error.h"
#include "ldm/files/input_file.h"
#include "ldm/files/output_folder.h"
#include "ldm/files/text.h"

namespace ldm::data {
namespace {

namespace fs = std::filesystem;

// 1.3 million lines of ImageNet are 40 MB; captions are longer.
constexpr std::uint64_t kMaxTextBytes = std::uint64_t{2} << 30;

std::string lower_case(std::string text) {
  std::transform(text.begin(), text.end(), text.begin(),
                 [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c; });
  return text;
}

bool is_hidden(const fs::path& path) {
  return path.filename().string().front() == '.';
}

bool has_extension(const fs::path& path, const std::vector<std::string>& extensions) {
  const std::string extension = lower_case(path.extension().string());
  return std::find(extensions.begin(), extensions.end(), extension) != extensions.end();
}

/// 64-bit FNV-1a, which goes on from `hash`.
std::uint64_t fnv1a(std::string_view bytes, std::uint64_t hash) {
  for (const char c : bytes) hash = (hash ^ static_cast<unsigned char>(c)) * 0x100000001B3u;
  return hash;
}

}  // namespace

std::vector<std::string> find_files(const std::string& folder, const std::vector<std::string>& extensions) {
  std::vector<std::string> found;
  std::error_code error;
  for (fs::recursive_directory_iterator entry(folder, error), end; !error && entry != end;
       entry.increment(error)) {
    std::error_code gone;
    if (is_hidden(entry->path())) {
      entry.disable_recursion_pending();
    } else if (has_extension(entry->path(), extensions) && entry->is_regular_file(gone)) {
      found.push_back(entry->path().lexically_relative(folder).generic_string());
    }
  }
  if (error)
    throw files::FileError("'" + folder + "': expected a folder that can be read, got: " + error.message());
  std::sort(found.begin(), found.end());
  return found;
}

const std::vector<std::string>& image_extensions() {
  static const std::vector<std::string> extensions{".bmp", ".jp2", ".jpeg", ".jpg",  ".pgm",
                                                   ".png", ".ppm", ".tif",  ".tiff", ".webp"};
  return extensions;
}

std::string read_text(const std::string& path, const std::string& what) {
  std::string text = files::read_file(path, what, kMaxTextBytes);
  if (text.compare(0, 3, "\xEF\xBB\xBF") == 0) text.erase(0, 3);
  if (files::is_utf8(text)) return text;
  const std::vector<std::string> lines = split_lines(text);
  for (std::size_t i = 0; i < lines.size(); ++i) {
    if (files::is_utf8(lines[i])) continue;
    throw files::FileError(line_of(path, i + 1) + ": expected " + what + " in UTF-8, got '" +
                           files::printable(lines[i]) + "': save the file as UTF-8");
  }
  return text;
}

std::vector<std::string> split_lines(const std::string& text) {
  std::vector<std::string> lines;
  for (std::size_t begin = 0; begin < text.size();) {
    const std::size_t end = std::min(text.find('\n', begin), text.size());
    const bool carriage_return = end > begin && text[end - 1] == '\r';
    lines.push_back(text.substr(begin, end - begin - (carriage_return ? 1 : 0)));
    begin = end + 1;
  }
  return lines;
}

std::string fingerprint_of(const std::string& folder, const std::vector<std::string>& paths,
                           const std::string& options) {
  std::uint64_t hash = fnv1a(options, 0xCBF29CE484222325u), bytes = 0;
  for (const std::string& path : paths) {
    struct stat status {};
    std::string state = "missing";
    if (::stat(files::join(folder, path).c_str(), &status) == 0) {
      bytes += static_cast<std::uint64_t>(status.st_size);
      state = std::to_string(status.st_size) + " " + std::to_string(status.st_mtim.tv_sec) + "." +
              std::to_string(status.st_mtim.tv_nsec);
    }
    hash = fnv1a(path + '\0' + state + '\n', hash);
  }
  char digits[17];
  std::snprintf(digits, sizeof digits, "%016llx", static_cast<unsigned long long>(hash));
  return std::to_string(paths.size()) + " files, " + std::to_string(bytes) + " bytes, " + digits;
}

std::string line_of(const std::string& path, std::size_t line) {
  return path + ":" + std::to_string(line);
}

}  // namespace ldm::data
