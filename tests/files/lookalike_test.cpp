#include "ldm/files/lookalike.h"

#include <gtest/gtest.h>

#include <string>
#include <string_view>
#include <vector>

namespace ldm::files {
namespace {

using namespace std::string_literals;

struct Mistake {
  std::string head;
  std::string_view says;
};

TEST(DescribeLookalike, KnowsWhatIsOftenDownloadedByMistake) {
  const std::vector<Mistake> table = {
      {"version https://git-lfs.github.com/spec/v1\noid sha256:0",
       "a Git LFS pointer: download the real file"},
      {"PK\x03\x04rest", "a zip archive: unpack it first"},
      {"\x1f\x8b\x08", "a gzip file"},
      {"BZh91AY", "a bzip2 file"},
      {"\xfd"
       "7zXZ\0"s,
       "an xz file"},
      {"\x28\xb5\x2f\xfd\x04", "a Zstandard file"},
      {"7z\xbc\xaf\x27\x1c", "a 7z archive"},
      {"Rar!\x1a\x07\x01", "a RAR archive"},
      {std::string(257, 'x') + "ustar\0"s, "a tar archive"},
      {"\xEF\xBB\xBF \n<!DOCTYPE html><html>", "an HTML page"},
      {"<HTML lang=en>", "an HTML page"},
      {"<?xml version=\"1.0\"?><Error/>", "an XML text"},
      {R"({"error":"Access to this model is restricted"})", "a JSON text"},
      {"\n{ \"error\": 404 }", "a JSON text"},
      {"[{}]", "a JSON text"},
      {"{}", "a JSON text"},
      {std::string(512, '\0'), "a file that begins with nothing but zeros"},
  };
  for (const Mistake& mistake : table) {
    EXPECT_EQ(describe_lookalike(mistake.head).substr(0, mistake.says.size()), mistake.says) << mistake.head;
  }
}

TEST(DescribeLookalike, KnowsNothingElse) {
  for (const std::string& head : {""s, "plain text"s, "{"s, "{x"s, "BZ"s, std::string(8, '\0'), "\0\0\1\0"s,
                                  std::string(257, 'x'), std::string(300, 'x')}) {
    EXPECT_EQ(describe_lookalike(head), "") << head;
  }
}

}  // namespace
}  // namespace ldm::files
