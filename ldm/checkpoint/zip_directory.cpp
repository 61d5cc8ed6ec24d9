#include "ldm/checkpoint/zip_directory.h"

#include <algorithm>
#include <numeric>
#include <utility>

#include "ldm/checkpoint/zip_format.h"

namespace ldm::checkpoint {
namespace {

// The field's largest checkpoints have 5,000 entries in half a megabyte.
constexpr std::uint64_t kMaxEntries = std::uint64_t{1} << 18;
constexpr std::uint64_t kMaxDirectory = std::uint64_t{1} << 26;

// Deflate cannot make more of a byte than this (RFC 1951: 258 bytes of two bits each).
constexpr std::uint64_t kMaxRatio = 1032;
// Weights hardly shrink. All compressed entries together may unpack to this many times the file, and a bit.
constexpr std::uint64_t kMaxTotalRatio = 100;
constexpr std::uint64_t kFreeTotal = std::uint64_t{1} << 24;

struct DirectoryPlace {
  std::uint64_t offset;
  std::uint64_t size;
  std::uint64_t entries;
  std::uint64_t end;  // where the records behind the directory begin
};

[[noreturn]] void fail(const std::string& path, const std::string& what) {
  throw CheckpointError("'" + path + "': " + what);
}

std::string entry_label(const std::string& path, const std::string& name) {
  return "'" + path + "': zip entry '" + printable(name) + "': ";
}

[[noreturn]] void fail_entry(const std::string& path, const std::string& name, const std::string& what) {
  throw CheckpointError(entry_label(path, name) + what);
}

/// Why a name cannot stand in a checkpoint; empty if it can.
const char* fault_of_name(std::string_view name) {
  if (!is_utf8(name)) return "one that is not UTF-8";
  if (name.find('\0') != std::string_view::npos) return "one with a zero byte";
  if (name.find('\\') != std::string_view::npos) return "one with a backslash";
  if (name.empty() || name[0] == '/') return "an empty or absolute one";
  for (std::size_t begin = 0; begin < name.size();) {
    const std::size_t end = std::min(name.find('/', begin), name.size());
    const std::string_view part = name.substr(begin, end - begin);
    if (part.empty() || part == "." || part == "..") return "one with an empty part, '.' or '..'";
    begin = end + 1;
  }
  return "";
}

std::string count_fault(std::uint64_t expected, const std::string& got) {
  return "expected " + std::to_string(expected) + " zip entries as the end record says, got " + got;
}

/// Position of the end record, whose comment must run to the end of the file exactly.
std::uint64_t find_end_record(ByteView file, const std::string& path) {
  const std::uint64_t farthest = std::min<std::uint64_t>(file.size, zip::kEndSize + 0xffff);
  for (std::uint64_t back = zip::kEndSize; back <= farthest; ++back) {
    const std::uint64_t at = file.size - back;
    if (load_le<std::uint32_t>(file, at) == zip::kEnd &&
        load_le<std::uint16_t>(file, at + 20) == back - zip::kEndSize) {
      return at;
    }
  }
  throw CutZipError("'" + path + "': expected a whole zip file, got one that is cut short (" +
                    std::to_string(file.size) + " bytes, and no end-of-central-directory record)");
}

DirectoryPlace read_end64(ByteView file, std::uint64_t locator, const std::string& path) {
  const auto at = load_le<std::uint64_t>(file, locator + 8);
  if (at > locator || locator - at < zip::kEnd64Size || load_le<std::uint32_t>(file, at) != zip::kEnd64) {
    fail(path, "expected a zip64 end record at byte " + std::to_string(at) + ", got none");
  }
  if (load_le<std::uint32_t>(file, at + 16) != 0 || load_le<std::uint32_t>(file, at + 20) != 0) {
    fail(path, "expected a zip file in one part, got one of several");
  }
  return {load_le<std::uint64_t>(file, at + 48), load_le<std::uint64_t>(file, at + 40),
          load_le<std::uint64_t>(file, at + 32), at};
}

DirectoryPlace read_end(ByteView file, const std::string& path) {
  const std::uint64_t at = find_end_record(file, path);
  if (at >= zip::kEnd64LocatorSize &&
      load_le<std::uint32_t>(file, at - zip::kEnd64LocatorSize) == zip::kEnd64Locator) {
    return read_end64(file, at - zip::kEnd64LocatorSize, path);
  }
  if (load_le<std::uint16_t>(file, at + 4) != 0 || load_le<std::uint16_t>(file, at + 6) != 0) {
    fail(path, "expected a zip file in one part, got one of several");
  }
  return {load_le<std::uint32_t>(file, at + 16), load_le<std::uint32_t>(file, at + 12),
          load_le<std::uint16_t>(file, at + 10), at};
}

/// Takes from the zip64 extra field the values that did not fit into 32 bits, in the order the format sets.
bool widen_from_extra(ByteView extra, ZipEntry& entry) {
  for (std::uint64_t at = 0; extra.holds(at, 4);) {
    const auto id = load_le<std::uint16_t>(extra, at);
    const auto length = load_le<std::uint16_t>(extra, at + 2);
    if (!extra.holds(at + 4, length)) return false;
    if (id == zip::kZip64Extra) {
      const ByteView body = extra.slice(at + 4, length);
      std::uint64_t next = 0;
      for (std::uint64_t* field : {&entry.size, &entry.packed_size, &entry.header_offset}) {
        if (*field != zip::kFull32) continue;
        if (!body.holds(next, 8)) return false;
        *field = load_le<std::uint64_t>(body, next);
        next += 8;
      }
      return true;
    }
    at += 4 + std::uint64_t{length};
  }
  return entry.size != zip::kFull32 && entry.packed_size != zip::kFull32 &&
         entry.header_offset != zip::kFull32;
}

/// Reads one central header at `at` and moves `at` behind it; false if it does not fit into `directory`.
bool read_central_header(ByteView directory, std::uint64_t& at, ZipEntry& entry) {
  if (!directory.holds(at, zip::kCentralHeaderSize) ||
      load_le<std::uint32_t>(directory, at) != zip::kCentralHeader) {
    return false;
  }
  entry.flags = load_le<std::uint16_t>(directory, at + 8);
  entry.method = load_le<std::uint16_t>(directory, at + 10);
  entry.crc = load_le<std::uint32_t>(directory, at + 16);
  entry.packed_size = load_le<std::uint32_t>(directory, at + 20);
  entry.size = load_le<std::uint32_t>(directory, at + 24);
  entry.header_offset = load_le<std::uint32_t>(directory, at + 42);
  const std::uint64_t name_size = load_le<std::uint16_t>(directory, at + 28);
  const std::uint64_t extra_size = load_le<std::uint16_t>(directory, at + 30);
  const std::uint64_t comment_size = load_le<std::uint16_t>(directory, at + 32);
  at += zip::kCentralHeaderSize;
  if (!directory.holds(at, name_size + extra_size + comment_size)) return false;
  entry.name = directory.slice(at, name_size).text();
  const bool widened = widen_from_extra(directory.slice(at + name_size, extra_size), entry);
  at += name_size + extra_size + comment_size;
  return widened;
}

}  // namespace

ZipDirectory::ZipDirectory(ByteView file, std::string path) : file_(file), path_(std::move(path)) {
  const DirectoryPlace place = read_end(file_, path_);
  if (place.offset > place.end || place.size > place.end - place.offset) {
    fail(path_, "expected the zip directory inside the file, got " + std::to_string(place.size) +
                    " bytes at byte " + std::to_string(place.offset) + " of " + std::to_string(file_.size));
  }
  if (place.size > kMaxDirectory || place.entries > kMaxEntries) {
    fail(path_, "expected a zip directory of at most " + std::to_string(kMaxEntries) + " entries and " +
                    std::to_string(kMaxDirectory) + " bytes, got " + std::to_string(place.entries) + " and " +
                    std::to_string(place.size));
  }
  read_entries(place.offset, place.size, place.entries);
  set_limits(place.offset);
  check_proportion();
}

void ZipDirectory::read_entries(std::uint64_t begin, std::uint64_t size, std::uint64_t count) {
  const ByteView directory = file_.slice(begin, size);
  std::uint64_t at = 0;
  while (at < size) {
    ZipEntry entry;
    if (!read_central_header(directory, at, entry)) {
      fail(path_,
           "expected a zip directory entry at byte " + std::to_string(begin + at) + ", got other bytes");
    }
    const std::string fault = fault_of_name(entry.name);
    if (!fault.empty()) fail_entry(path_, entry.name, "expected a relative path as its name, got " + fault);
    if (entries_.size() == count) fail(path_, count_fault(count, "more"));
    if (!index_.emplace(entry.name, entries_.size()).second) {
      fail_entry(path_, entry.name, "expected once, got twice");
    }
    entries_.push_back(std::move(entry));
  }
  if (entries_.size() != count) fail(path_, count_fault(count, std::to_string(entries_.size())));
}

void ZipDirectory::set_limits(std::uint64_t directory) {
  std::vector<std::size_t> order(entries_.size());
  std::iota(order.begin(), order.end(), std::size_t{0});
  std::sort(order.begin(), order.end(), [this](std::size_t a, std::size_t b) {
    return entries_[a].header_offset < entries_[b].header_offset;
  });
  std::uint64_t limit = directory;
  for (auto it = order.rbegin(); it != order.rend(); ++it) {
    ZipEntry& entry = entries_[*it];
    const std::uint64_t header = zip::kLocalHeaderSize + entry.name.size();
    if (entry.header_offset > limit || limit - entry.header_offset < header ||
        limit - entry.header_offset - header < entry.packed_size) {
      fail_entry(path_, entry.name,
                 "expected " + std::to_string(entry.packed_size) + " bytes after a header at byte " +
                     std::to_string(entry.header_offset) + ", got something else from byte " +
                     std::to_string(limit) + " on (entries overlap, or the file is damaged)");
    }
    entry.limit = limit;
    limit = entry.header_offset;
  }
}

void ZipDirectory::check_proportion() const {
  const std::uint64_t limit = file_.size * kMaxTotalRatio + kFreeTotal;
  std::uint64_t total = 0;
  for (const ZipEntry& entry : entries_) {
    if (entry.method == zip::kStored) continue;
    const bool possible = entry.size <= entry.packed_size * kMaxRatio;
    if (!possible || entry.size > limit - total) {
      fail_entry(path_, entry.name,
                 "expected at most " + std::to_string(kMaxRatio) +
                     " bytes of each packed one, and of all entries " + std::to_string(limit) + ", got " +
                     std::to_string(entry.size) + " bytes of " + std::to_string(entry.packed_size) +
                     " (a zip bomb, or the file is damaged)");
    }
    total += entry.size;
  }
}

std::int64_t ZipDirectory::find(const std::string& name) const {
  const auto found = index_.find(name);
  return found == index_.end() ? -1 : static_cast<std::int64_t>(found->second);
}

std::uint64_t ZipDirectory::data_offset(std::size_t index) const {
  const ZipEntry& entry = entries_.at(index);
  if ((entry.flags & zip::kEncryptedFlag) != 0)
    fail_entry(path_, entry.name, "expected plain, got encrypted");
  if (entry.method != zip::kStored && entry.method != zip::kDeflated) {
    fail_entry(path_, entry.name,
               "expected stored or deflated data, got compression method " + std::to_string(entry.method) +
                   ": unpack the file and pack it again without compression, or re-save it with torch.save");
  }
  if (entry.method == zip::kStored && entry.packed_size != entry.size) {
    fail_entry(path_, entry.name,
               "expected as many stored bytes as it has, " + std::to_string(entry.size) + ", got " +
                   std::to_string(entry.packed_size));
  }
  const std::uint64_t at = entry.header_offset;  // set_limits has checked that header and name fit
  const std::uint64_t name_size = load_le<std::uint16_t>(file_, at + 26);
  if (load_le<std::uint32_t>(file_, at) != zip::kLocalHeader || name_size != entry.name.size() ||
      load_le<std::uint16_t>(file_, at + 8) != entry.method ||
      file_.slice(at + zip::kLocalHeaderSize, name_size).text() != entry.name) {
    fail_entry(path_, entry.name, "expected its header at byte " + std::to_string(at) + ", got other bytes");
  }
  const std::uint64_t begin = at + zip::kLocalHeaderSize + name_size + load_le<std::uint16_t>(file_, at + 28);
  if (begin > entry.limit || entry.limit - begin < entry.packed_size) {
    fail_entry(path_, entry.name,
               "expected " + std::to_string(entry.packed_size) + " bytes at byte " + std::to_string(begin) +
                   ", got something else from byte " + std::to_string(entry.limit) + " on");
  }
  return begin;
}

std::string ZipDirectory::label(std::size_t index) const {
  return entry_label(path_, entries_[index].name);
}

}  // namespace ldm::checkpoint
