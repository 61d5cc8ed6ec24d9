#include "ldm/checkpoint/safetensors.h"

#include <algorithm>
#include <string>
#include <utility>
#include <vector>

#include "ldm/checkpoint/bytes.h"
#include "ldm/checkpoint/dtype.h"
#include "ldm/checkpoint/error.h"
#include "ldm/checkpoint/safetensors_header.h"
#include "ldm/checkpoint/state_dict_parts.h"
#include "ldm/checkpoint/tensor_view.h"

namespace ldm::checkpoint {
namespace {

constexpr std::uint64_t kPrefix = 8;

[[noreturn]] void fail(const std::string& path, const std::string& what) {
  throw CheckpointError("'" + path + "': " + what);
}

std::uint64_t header_length(ByteView bytes, const std::string& path) {
  if (bytes.size < kPrefix) {
    fail(path, "expected a safetensors file, got one that is cut short: download it again");
  }
  const auto length = load_le<std::uint64_t>(bytes, 0);
  if (length > kMaxSafetensorsHeader) {
    fail(path, "expected a safetensors header of at most " + std::to_string(kMaxSafetensorsHeader) +
                   " bytes, got " + std::to_string(length));
  }
  if (!bytes.holds(kPrefix, length)) {
    fail(path, "expected a safetensors header of " + std::to_string(length) +
                   " bytes, got a file that is cut short at " + std::to_string(bytes.size) + ": at least " +
                   std::to_string(kPrefix + length - bytes.size) + " bytes are missing; download it again");
  }
  return length;
}

TensorInfo make_info(const SafetensorsEntry& entry, std::int64_t data_start, const std::string& path) {
  const std::string what = "tensor '" + printable(entry.name) + "': expected ";
  const auto dtype = dtype_of_safetensors_name(entry.dtype);
  if (!dtype) fail(path, what + "a known dtype, got '" + printable(entry.dtype) + "'");
  const std::int64_t bytes = contiguous_bytes(entry.sizes, c10::elementSize(*dtype));
  if (bytes < 0) fail(path, what + "a shape whose product fits into 63 bits, got a larger one");
  if (entry.end < entry.begin || entry.end - entry.begin != bytes) {
    fail(path, what + std::to_string(bytes) + " bytes as dtype and shape need, got data_offsets [" +
                   std::to_string(entry.begin) + ", " + std::to_string(entry.end) + "]");
  }
  return {*dtype, entry.sizes, contiguous_strides(entry.sizes), data_start + entry.begin};
}

/// The tensors must cover the data exactly, each byte once.
void check_cover(const SafetensorsHeader& header, std::int64_t data_size, const std::string& path) {
  std::vector<const SafetensorsEntry*> order;
  for (const SafetensorsEntry& entry : header.entries) order.push_back(&entry);
  std::sort(order.begin(), order.end(), [](const SafetensorsEntry* a, const SafetensorsEntry* b) {
    return std::pair(a->begin, a->end) < std::pair(b->begin, b->end);
  });
  std::int64_t next = 0;
  for (const SafetensorsEntry* entry : order) {
    if (entry->begin != next) {
      fail(path, "tensor '" + printable(entry->name) + "': expected data_offsets from " +
                     std::to_string(next) + " on, got " + std::to_string(entry->begin) +
                     " (tensors overlap, or leave a hole)");
    }
    next = entry->end;
  }
  if (next == data_size) return;
  const std::string what = "expected " + std::to_string(next) + " bytes of tensors as the header says, got " +
                           std::to_string(data_size);
  if (next < data_size) fail(path, what);
  fail(path, what + ": the file is cut short, " + std::to_string(next - data_size) +
                 " bytes are missing; download it again");
}

}  // namespace

StateDict read_safetensors(std::shared_ptr<MappedFile> file) {
  const std::string& path = file->path();
  const ByteView bytes{file->data(), file->size()};
  const std::uint64_t length = header_length(bytes, path);
  SafetensorsHeader header = parse_safetensors_header(bytes.slice(kPrefix, length).text(), path);
  const auto data_start = static_cast<std::int64_t>(kPrefix + length);
  check_cover(header, static_cast<std::int64_t>(bytes.size) - data_start, path);

  StateDictParts parts;
  for (SafetensorsEntry& entry : header.entries) {
    parts.infos.push_back(make_info(entry, data_start, path));
    parts.names.push_back(std::move(entry.name));
  }
  parts.format = "safetensors";
  parts.metadata = std::move(header.metadata);
  parts.file = std::move(file);
  return make_state_dict(std::move(parts));
}

}  // namespace ldm::checkpoint
