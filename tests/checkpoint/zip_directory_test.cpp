#include "ldm/checkpoint/zip_directory.h"

#include <gtest/gtest.h>

#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "ldm/checkpoint/bytes.h"
#include "ldm/checkpoint/error.h"
#include "ldm/checkpoint/zip_contents.h"
#include "ldm/checkpoint/zip_format.h"
#include "tests/checkpoint/checkpoint_test_util.h"

namespace ldm::checkpoint {
namespace {

using testing::zip_bytes;
using namespace std::string_view_literals;

ByteView view(const std::string& bytes) {
  return {reinterpret_cast<const std::uint8_t*>(bytes.data()), bytes.size()};
}

template <typename T>
void patch(std::string& bytes, std::size_t offset, T value) {
  ASSERT_LE(offset + sizeof(T), bytes.size());
  std::memcpy(&bytes[offset], &value, sizeof(T));
}

std::string signature(std::uint32_t value) {
  std::string out;
  append_le(out, value);
  return out;
}

/// Positions in a zip file of two entries "r/a" (100 bytes) and "r/b" (4 bytes).
struct Sample {
  std::string bytes = zip_bytes({{"r/a", std::string(100, 'A')}, {"r/b", "BBBB"}});
  std::size_t central_a = bytes.find(signature(zip::kCentralHeader));
  std::size_t central_b = bytes.find(signature(zip::kCentralHeader), central_a + 1);
  std::size_t local_b = bytes.find(signature(zip::kLocalHeader), 1);
  std::size_t end = bytes.find(signature(zip::kEnd));
};

/// Opens the bytes and asks for both entries; the text of the error, or "".
std::string error_of(const std::string& bytes) {
  try {
    const ZipDirectory zip(view(bytes), "test.zip");
    for (std::size_t i = 0; i < zip.entries().size(); ++i) read_zip_entry(zip, i);
  } catch (const CheckpointError& error) {
    return error.what();
  }
  return "";
}

TEST(ZipDirectory, FindsEntriesAndTheirData) {
  const Sample sample;
  const ZipDirectory zip(view(sample.bytes), "test.zip");
  ASSERT_EQ(zip.entries().size(), 2u);
  EXPECT_EQ(zip.find("r/b"), 1);
  EXPECT_EQ(zip.find("r/c"), -1);
  EXPECT_EQ(read_zip_entry(zip, 1).view.text(), "BBBB");
  EXPECT_EQ(zip.data_offset(0) % 64, 0u);
  EXPECT_EQ(sample.bytes.substr(zip.data_offset(0), 100), std::string(100, 'A'));
}

struct Damage {
  const char* what;
  std::function<void(Sample&)> apply;
  const char* says;
};

TEST(ZipDirectory, DamageIsRefused) {
  const std::vector<Damage> table = {
      {"cut", [](Sample& s) { s.bytes.resize(s.bytes.size() - 1); }, "cut short"},
      {"appended", [](Sample& s) { s.bytes += '\n'; }, "cut short"},
      {"directory behind the end", [](Sample& s) { patch(s.bytes, s.end + 16, 0x7fffffffu); },
       "inside the file"},
      {"directory too long", [](Sample& s) { patch(s.bytes, s.end + 12, 0xfffffffeu); }, "inside the file"},
      {"directory elsewhere", [](Sample& s) { patch(s.bytes, s.end + 16, 0u); }, "directory entry"},
      {"more entries", [](Sample& s) { patch<std::uint16_t>(s.bytes, s.end + 10, 3); },
       "expected 3 zip entries"},
      {"fewer entries", [](Sample& s) { patch<std::uint16_t>(s.bytes, s.end + 10, 1); },
       "expected 1 zip entries"},
      {"several disks", [](Sample& s) { patch<std::uint16_t>(s.bytes, s.end + 4, 1); }, "in one part"},
      {"name too long", [](Sample& s) { patch<std::uint16_t>(s.bytes, s.central_a + 28, 0xffff); },
       "entry at byte"},
      {"extra too long", [](Sample& s) { patch<std::uint16_t>(s.bytes, s.central_b + 30, 0xffff); },
       "entry at byte"},
      {"zip64 without extra", [](Sample& s) { patch(s.bytes, s.central_a + 24, 0xffffffffu); },
       "entry at byte"},
      {"same name twice", [](Sample& s) { s.bytes[s.central_b + 48] = 'a'; }, "expected once, got twice"},
      {"header behind the directory", [](Sample& s) { patch(s.bytes, s.central_b + 42, 0x7ffffff0u); },
       "overlap"},
      {"entries overlap", [](Sample& s) { patch(s.bytes, s.central_b + 42, 40u); }, "overlap"},
      {"entries at one place", [](Sample& s) { patch(s.bytes, s.central_b + 42, 0u); }, "overlap"},
      {"size runs into the next", [](Sample& s) { patch(s.bytes, s.central_a + 20, 1000u); }, "overlap"},
      {"sizes differ", [](Sample& s) { patch(s.bytes, s.central_a + 24, 99u); },
       "as many stored bytes as it has, 99, got 100"},
      {"packed otherwise", [](Sample& s) { patch<std::uint16_t>(s.bytes, s.central_a + 10, 9); },
       "compression method 9"},
      {"deflated in one header only", [](Sample& s) { patch<std::uint16_t>(s.bytes, s.central_a + 10, 8); },
       "expected its header"},
      {"encrypted", [](Sample& s) { patch<std::uint16_t>(s.bytes, s.central_a + 8, 1); }, "got encrypted"},
      {"no local header", [](Sample& s) { s.bytes[s.local_b] = 'X'; }, "expected its header"},
      {"other local name", [](Sample& s) { s.bytes[s.local_b + 30] = 'q'; }, "expected its header"},
      {"other local method", [](Sample& s) { s.bytes[s.local_b + 8] = 8; }, "expected its header"},
      {"local extra too long", [](Sample& s) { patch<std::uint16_t>(s.bytes, s.local_b + 28, 0xffff); },
       "bytes at byte"},
      {"other data", [](Sample& s) { s.bytes[s.central_a - 2] = 'q'; }, "CRC-32"},
  };
  for (const Damage& damage : table) {
    Sample sample;
    ASSERT_EQ(error_of(sample.bytes), "");
    damage.apply(sample);
    const std::string error = error_of(sample.bytes);
    EXPECT_NE(error.find(damage.says), std::string::npos) << damage.what << ": " << error;
  }
}

TEST(ZipDirectory, EveryByteChangedIsReadOrRefused) {
  const Sample sample;
  std::size_t refused = 0;
  for (std::size_t at = 0; at < sample.bytes.size(); ++at) {
    for (int value = 0; value < 256; value += 3) {
      std::string damaged = sample.bytes;
      damaged[at] = static_cast<char>(value);
      ASSERT_NO_THROW(refused += error_of(damaged).empty() ? 0 : 1) << "byte " << at << " value " << value;
    }
  }
  EXPECT_GT(refused, 1000u);
}

/// The sample with a zip64 end record and locator in front of the end record.
std::string with_end64(std::uint64_t record_at, std::uint64_t directory_size, std::uint64_t directory_at) {
  const Sample sample;
  std::string record = signature(zip::kEnd64);
  append_le(record, std::uint64_t{44});
  append_le(record, std::uint32_t{0});  // versions
  append_le(record, std::uint64_t{0});  // disks
  append_le(record, std::uint64_t{2});
  append_le(record, std::uint64_t{2});
  append_le(record, directory_size);
  append_le(record, directory_at);
  std::string locator = signature(zip::kEnd64Locator) + signature(0);
  append_le(locator, record_at);
  locator += signature(1);
  return sample.bytes.substr(0, sample.end) + record + locator + sample.bytes.substr(sample.end);
}

TEST(ZipDirectory, Zip64EndRecord) {
  const Sample sample;
  const std::uint64_t size = sample.end - sample.central_a;
  EXPECT_EQ(error_of(with_end64(sample.end, size, sample.central_a)), "");
  EXPECT_NE(error_of(with_end64(sample.end + 1, size, sample.central_a)).find("zip64 end record"),
            std::string::npos);
  EXPECT_NE(error_of(with_end64(~std::uint64_t{0}, size, sample.central_a)).find("zip64 end record"),
            std::string::npos);
  EXPECT_NE(error_of(with_end64(sample.end, ~std::uint64_t{0}, sample.central_a)).find("inside the file"),
            std::string::npos);
  EXPECT_NE(error_of(with_end64(sample.end, size, ~std::uint64_t{0} - 3)).find("inside the file"),
            std::string::npos);
}

/// The sample with the sizes and the place of "r/b" in a zip64 extra field of its central header.
std::string with_zip64_entry(std::uint64_t size, std::uint64_t header_at) {
  Sample sample;
  patch(sample.bytes, sample.central_b + 20, 0xffffffffu);
  patch(sample.bytes, sample.central_b + 24, 0xffffffffu);
  patch(sample.bytes, sample.central_b + 42, 0xffffffffu);
  patch<std::uint16_t>(sample.bytes, sample.central_b + 30, 28);
  std::string extra;
  append_le(extra, zip::kZip64Extra);
  append_le(extra, std::uint16_t{24});
  append_le(extra, size);
  append_le(extra, size);
  append_le(extra, header_at);
  sample.bytes.insert(sample.end, extra);
  patch(sample.bytes, sample.end + extra.size() + 12,
        static_cast<std::uint32_t>(sample.end + extra.size() - sample.central_a));
  return sample.bytes;
}

TEST(ZipDirectory, Zip64Entry) {
  const Sample sample;
  EXPECT_EQ(error_of(with_zip64_entry(4, sample.local_b)), "");
  EXPECT_NE(error_of(with_zip64_entry(~std::uint64_t{0}, sample.local_b)).find("overlap"), std::string::npos);
  EXPECT_NE(error_of(with_zip64_entry(4, ~std::uint64_t{0})).find("overlap"), std::string::npos);
  EXPECT_NE(error_of(with_zip64_entry(~std::uint64_t{0} - 8, ~std::uint64_t{0} - 8)).find("overlap"),
            std::string::npos);
}

TEST(ZipDirectory, NamesThatLeadElsewhereAreRefused) {
  struct Bad {
    std::string name;
    const char* says;
  };
  const std::vector<Bad> table = {{"/etc/passwd", "absolute"},
                                  {"../x", "'..'"},
                                  {"r/../../x", "'..'"},
                                  {"r/..", "'..'"},
                                  {"r/./x", "'.'"},
                                  {"r//x", "empty part"},
                                  {"r\\x", "backslash"},
                                  {"C:\\x", "backslash"},
                                  {std::string("r/a\0b", 5), "zero byte"},
                                  {"r/\xff", "not UTF-8"},
                                  {"r/\xc0\xaf", "not UTF-8"},
                                  {"", "empty"}};
  for (const Bad& bad : table) {
    const std::string error = error_of(zip_bytes({{"r/a", "A"}, {bad.name, "B"}}));
    EXPECT_NE(error.find("expected a relative path as its name, got"), std::string::npos)
        << bad.name << error;
    EXPECT_NE(error.find(bad.says), std::string::npos) << bad.name << ": " << error;
  }
  EXPECT_EQ(error_of(zip_bytes({{"r/", ""}, {"r/..a", "A"}, {"r/\xc3\xa9", "B"}, {"...", "C"}})), "");
}

}  // namespace
}  // namespace ldm::checkpoint
