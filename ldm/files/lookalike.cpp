#include "ldm/files/lookalike.h"

#include <algorithm>
#include <array>
#include <cctype>

namespace ldm::files {
namespace {

using std::string_view_literals::operator""sv;

struct Lookalike {
  std::string_view magic;
  std::string_view what;
};

constexpr std::array kLookalikes{
    Lookalike{"version https://git-lfs.github.com/spec/"sv, "a Git LFS pointer: download the real file"sv},
    Lookalike{"PK\x03\x04"sv, "a zip archive: unpack it first"sv},
    Lookalike{"\x1f\x8b"sv, "a gzip file: unpack it first"sv},
    Lookalike{"Rar!"sv, "a RAR archive: unpack it first"sv},
    Lookalike{"7z\xbc\xaf"sv, "a 7z archive: unpack it first"sv},
};

bool starts_with(std::string_view text, std::string_view prefix) {
  return text.substr(0, prefix.size()) == prefix;
}

bool is_html(std::string_view head) {
  std::size_t start = starts_with(head, "\xEF\xBB\xBF") ? 3 : 0;
  while (start < head.size() && std::isspace(static_cast<unsigned char>(head[start])) != 0) ++start;
  std::string lower(head.substr(start, 16));
  std::transform(lower.begin(), lower.end(), lower.begin(), [](unsigned char c) { return std::tolower(c); });
  return starts_with(lower, "<!doctype html") || starts_with(lower, "<html") || starts_with(lower, "<?xml");
}

}  // namespace

std::string describe_lookalike(std::string_view head) {
  for (const Lookalike& other : kLookalikes) {
    if (starts_with(head, other.magic)) return std::string(other.what);
  }
  if (is_html(head)) return "an HTML page: the download gave a web page (a login or an error?), not the file";
  return "";
}

}  // namespace ldm::files
