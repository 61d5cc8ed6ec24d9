#include "ldm/checkpoint/cut_zip.h"

#include <algorithm>
#include <string_view>

#include "ldm/checkpoint/error.h"
#include "ldm/checkpoint/tensor_view.h"
#include "ldm/checkpoint/torch_pickle.h"
#include "ldm/checkpoint/zip_format.h"

namespace ldm::checkpoint {
namespace {

constexpr std::string_view kPickle = "/data.pkl";
constexpr std::string_view kStorageFolder = "/data/";

/// What every entry costs beside its bytes: two headers, and its name in both.
std::uint64_t entry_overhead(std::uint64_t name_size) {
  return zip::kLocalHeaderSize + zip::kCentralHeaderSize + 2 * name_size;
}

/// The least size of the whole file, given where its pickle begins and the length of its root folder's name;
/// 0 if the pickle cannot be read.
std::uint64_t least_size(ByteView file, std::uint64_t begin, std::uint64_t root) {
  std::uint64_t size = begin + zip::kCentralHeaderSize + root + kPickle.size() + zip::kEndSize;
  try {
    const std::uint64_t rest = std::min<std::uint64_t>(file.size - begin, kMaxPickleSize);
    const TorchPickle pickle = read_torch_pickle(file.slice(begin, rest), "");
    size += pickle.length;
    for (const StorageRecord& storage : pickle.storages) {
      const std::int64_t bytes = contiguous_bytes({storage.numel}, c10::elementSize(storage.dtype));
      const std::uint64_t name_size = root + kStorageFolder.size() + storage.key.size();
      const bool fits = bytes >= 0 &&
                        !__builtin_add_overflow(size, static_cast<std::uint64_t>(bytes), &size) &&
                        !__builtin_add_overflow(size, entry_overhead(name_size), &size);
      if (!fits) return 0;
    }
  } catch (const CheckpointError&) {
    return 0;
  }
  return size;
}

bool ends_with(std::string_view text, std::string_view end) {
  return text.size() >= end.size() && text.substr(text.size() - end.size()) == end;
}

}  // namespace

std::uint64_t missing_bytes_of_cut_zip(ByteView file) {
  std::uint64_t at = 0;
  while (file.holds(at, zip::kLocalHeaderSize) && load_le<std::uint32_t>(file, at) == zip::kLocalHeader) {
    const auto flags = load_le<std::uint16_t>(file, at + 6);
    const auto method = load_le<std::uint16_t>(file, at + 8);
    const std::uint64_t packed_size = load_le<std::uint32_t>(file, at + 18);
    const std::uint64_t name_size = load_le<std::uint16_t>(file, at + 26);
    const std::uint64_t extra_size = load_le<std::uint16_t>(file, at + 28);
    at += zip::kLocalHeaderSize;
    if (!file.holds(at, name_size + extra_size)) return 0;
    const std::string_view name = file.slice(at, name_size).text();
    at += name_size + extra_size;
    if (ends_with(name, kPickle) && method == zip::kStored) {
      const std::uint64_t whole = least_size(file, at, name_size - kPickle.size());
      return whole > file.size ? whole - file.size : 0;
    }
    const bool next_is_known = (flags & zip::kSizesFollowFlag) == 0 && packed_size != zip::kFull32;
    if (!next_is_known) return 0;
    at += packed_size;
  }
  return 0;
}

}  // namespace ldm::checkpoint
