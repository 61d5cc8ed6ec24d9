#include "ldm/checkpoint/zip_plan.h"

#include <algorithm>
#include <utility>

#include "ldm/checkpoint/bytes.h"
#include "ldm/checkpoint/error.h"
#include "ldm/checkpoint/zip_format.h"

namespace ldm::checkpoint {
namespace {

constexpr std::uint64_t kDataAlignment = 64;
constexpr std::uint64_t kExtraHeader = 4;         // id and length of an extra field
constexpr std::uint64_t kLocalZip64 = 4 + 2 * 8;  // with both sizes
constexpr std::uint16_t kVersionPlain = 20;       // version of the format needed to unpack
constexpr std::uint16_t kVersionZip64 = 45;
constexpr std::uint16_t kUtf8Flag = 0x0800;
constexpr std::uint32_t kDate = 0x00210000;  // 1 January 1980, so that equal tensors give equal files

bool is_wide(std::uint64_t value) {
  return value >= zip::kFull32;
}

std::uint32_t narrow32(std::uint64_t value) {
  return is_wide(value) ? zip::kFull32 : static_cast<std::uint32_t>(value);
}

}  // namespace

/// The part that both kinds of header share, from the version to the length of the name.
void ZipPlan::append_common(std::string& out, const Entry& entry, std::uint32_t crc, std::uint16_t version) {
  append_le(out, version);
  append_le(out, kUtf8Flag);
  append_le(out, entry.is_deflated ? zip::kDeflated : zip::kStored);
  append_le(out, kDate);
  append_le(out, crc);
  append_le(out, narrow32(entry.packed));
  append_le(out, narrow32(entry.size));
  append_le(out, static_cast<std::uint16_t>(entry.name.size()));
}

std::size_t ZipPlan::add_entry(Entry entry) {
  if (entry.name.size() > 0xffff)
    throw CheckpointError("expected a zip entry's name of at most 65535 bytes, got more");
  const std::uint64_t fixed =
      end_ + zip::kLocalHeaderSize + entry.name.size() + (is_wide(entry.size) ? kLocalZip64 : 0);
  // The padding is an extra field, of which even an empty one has a header.
  const std::uint64_t least = fixed + kExtraHeader;
  entry.header = end_;
  entry.data = (least + kDataAlignment - 1) / kDataAlignment * kDataAlignment;
  end_ = entry.data + entry.packed;
  entries_.push_back(std::move(entry));
  return entries_.size() - 1;
}

std::string ZipPlan::local_header(std::size_t index, std::uint32_t crc) const {
  const Entry& entry = entries_[index];
  const bool wide = is_wide(entry.size);
  const std::uint64_t extra = entry.data - entry.header - zip::kLocalHeaderSize - entry.name.size();
  std::string out;
  append_le(out, zip::kLocalHeader);
  append_common(out, entry, crc, wide ? kVersionZip64 : kVersionPlain);
  append_le(out, static_cast<std::uint16_t>(extra));
  out += entry.name;
  if (wide) {
    append_le(out, zip::kZip64Extra);
    append_le(out, std::uint16_t{16});
    append_le(out, entry.size);
    append_le(out, entry.size);
  }
  const std::uint64_t padding = extra - (wide ? kLocalZip64 : 0) - kExtraHeader;
  append_le(out, zip::kAlignmentExtra);
  append_le(out, static_cast<std::uint16_t>(padding));
  return out.append(padding, '\0');
}

std::string ZipPlan::central_header(const Entry& entry, std::uint32_t crc) const {
  std::string extra;
  if (is_wide(entry.size)) {
    append_le(extra, entry.size);
    append_le(extra, entry.size);
  }
  if (is_wide(entry.header)) append_le(extra, entry.header);
  if (!extra.empty()) {
    std::string field;
    append_le(field, zip::kZip64Extra);
    append_le(field, static_cast<std::uint16_t>(extra.size()));
    extra = field + extra;
  }
  const std::uint16_t version = extra.empty() ? kVersionPlain : kVersionZip64;
  std::string out;
  append_le(out, zip::kCentralHeader);
  append_le(out, version);  // made by
  append_common(out, entry, crc, version);
  append_le(out, static_cast<std::uint16_t>(extra.size()));
  append_le(out, std::uint16_t{0});  // comment
  append_le(out, std::uint16_t{0});  // disk
  append_le(out, std::uint16_t{0});  // internal attributes
  append_le(out, std::uint32_t{0});  // external attributes
  append_le(out, narrow32(entry.header));
  return out + entry.name + extra;
}

std::string ZipPlan::end_records(std::uint64_t directory_size) const {
  const std::uint64_t count = entries_.size();
  std::string out;
  if (count >= zip::kFull16 || is_wide(end_) || is_wide(directory_size)) {
    append_le(out, zip::kEnd64);
    append_le(out, zip::kEnd64Size - 12);  // of the rest of this record
    append_le(out, kVersionZip64);
    append_le(out, kVersionZip64);
    append_le(out, std::uint64_t{0});  // this disk, and the directory's
    append_le(out, count);
    append_le(out, count);
    append_le(out, directory_size);
    append_le(out, end_);
    append_le(out, zip::kEnd64Locator);
    append_le(out, std::uint32_t{0});  // disk
    append_le(out, end_ + directory_size);
    append_le(out, std::uint32_t{1});  // disks
  }
  const auto count16 = static_cast<std::uint16_t>(std::min<std::uint64_t>(count, zip::kFull16));
  append_le(out, zip::kEnd);
  append_le(out, std::uint32_t{0});  // this disk, and the directory's
  append_le(out, count16);
  append_le(out, count16);
  append_le(out, narrow32(directory_size));
  append_le(out, narrow32(end_));
  append_le(out, std::uint16_t{0});  // comment
  return out;
}

std::string ZipPlan::directory(const std::vector<std::uint32_t>& crcs) const {
  std::string out;
  for (std::size_t i = 0; i < entries_.size(); ++i) out += central_header(entries_[i], crcs[i]);
  return out + end_records(out.size());
}

std::uint64_t ZipPlan::file_size() const {
  return end_ + directory(std::vector<std::uint32_t>(entries_.size(), 0)).size();
}

}  // namespace ldm::checkpoint
