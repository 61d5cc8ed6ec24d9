#include "ldm/files/lookalike.h"

#include <algorithm>
#include <array>
#include <cctype>

namespace ldm::files {
namespace {

using std::string_view_literals::operator""sv;

struct Lookalike {
  std::size_t offset;
  std::string_view magic;
  std::string_view what;
};

constexpr std::array kLookalikes{
    Lookalike{0, "version https://git-lfs.github.com/spec/"sv, "a Git LFS pointer: download the real file"sv},
    Lookalike{0, "PK\x03\x04"sv, "a zip archive: unpack it first"sv},
    Lookalike{0, "\x1f\x8b"sv, "a gzip file: unpack it first"sv},
    Lookalike{0, "BZh"sv, "a bzip2 file: unpack it first"sv},
    Lookalike{0,
              "\xfd"
              "7zXZ\0"sv,
              "an xz file: unpack it first"sv},
    Lookalike{0, "\x28\xb5\x2f\xfd"sv, "a Zstandard file: unpack it first"sv},
    Lookalike{0, "Rar!"sv, "a RAR archive: unpack it first"sv},
    Lookalike{0, "7z\xbc\xaf"sv, "a 7z archive: unpack it first"sv},
    Lookalike{257, "ustar"sv, "a tar archive: unpack it first"sv},
};

bool starts_with(std::string_view text, std::string_view prefix) {
  return text.substr(0, prefix.size()) == prefix;
}

bool matches(std::string_view head, const Lookalike& other) {
  return head.size() > other.offset && starts_with(head.substr(other.offset), other.magic);
}

/// Without a byte order mark and white space at the begin.
std::string_view begin_of_text(std::string_view head) {
  if (starts_with(head, "\xEF\xBB\xBF")) head.remove_prefix(3);
  const auto first =
      std::find_if(head.begin(), head.end(), [](unsigned char c) { return std::isspace(c) == 0; });
  head.remove_prefix(static_cast<std::size_t>(first - head.begin()));
  return head;
}

/// What a server sent in place of a file; empty if it did not.
std::string_view describe_answer(std::string_view text) {
  std::string lower(text.substr(0, 16));
  std::transform(lower.begin(), lower.end(), lower.begin(), [](unsigned char c) { return std::tolower(c); });
  if (starts_with(lower, "<!doctype html") || starts_with(lower, "<html")) {
    return "an HTML page: the download gave a web page (a login or an error?), not the file";
  }
  if (starts_with(lower, "<?xml")) return "an XML text: the server sent a message (an error?), not the file";
  const bool opens = starts_with(text, "{") || starts_with(text, "[");
  const std::string_view next = opens ? begin_of_text(text.substr(1)) : "";
  const bool is_json = !next.empty() && std::string_view("\"{}[]").find(next[0]) != std::string_view::npos;
  return is_json ? "a JSON text: a settings file, or a message of the server (an error?), not the file" : "";
}

bool is_blank(std::string_view head) {
  constexpr std::size_t kEnough = 16;
  return head.size() >= kEnough && head.find_first_not_of('\0') == std::string_view::npos;
}

}  // namespace

std::string describe_lookalike(std::string_view head) {
  for (const Lookalike& other : kLookalikes) {
    if (matches(head, other)) return std::string(other.what);
  }
  if (is_blank(head)) {
    return "a file that begins with nothing but zeros: its download has not got that far, or went wrong; "
           "download it again";
  }
  return std::string(describe_answer(begin_of_text(head)));
}

}  // namespace ldm::files
