#include "ldm/checkpoint/torch_legacy.h"

#include <algorithm>
#include <cstdint>
#include <string>
#include <unordered_map>
#include <utility>
#include <vector>

#include "ldm/checkpoint/bytes.h"
#include "ldm/checkpoint/error.h"
#include "ldm/checkpoint/pickle_machine.h"
#include "ldm/checkpoint/pickle_value.h"
#include "ldm/checkpoint/state_dict_parts.h"
#include "ldm/checkpoint/tensor_view.h"
#include "ldm/checkpoint/torch_hooks.h"
#include "ldm/checkpoint/torch_pickle.h"

namespace ldm::checkpoint {
namespace {

using std::string_view_literals::operator""sv;

// The number 0x1950a86a20f9469cfc6c as it is pickled.
constexpr std::string_view kMagic = "\x8a\x0a\x6c\xfc\x9c\x46\xf9\x20\x6a\xa8\x50\x19"sv;
constexpr char kProtocolOpcode = '\x80';  // two bytes
constexpr char kFrameOpcode = '\x95';     // nine bytes, since protocol 4
constexpr std::int64_t kProtocolVersion = 1001;
constexpr std::uint64_t kCountSize = 8;

[[noreturn]] void fail(const std::string& path, const std::string& what) {
  throw CheckpointError("'" + path + "': " + what);
}

/// The file up to where it is read.
struct Reader {
  ByteView bytes;
  const std::string& path;
  std::uint64_t at = 0;

  ByteView rest() const { return bytes.slice(at, std::min<std::uint64_t>(bytes.size - at, kMaxPickleSize)); }
  std::string label(const char* what) const {
    return "'" + path + "': pickle of the " + what + " from byte " + std::to_string(at) + " on";
  }
};

/// Reads a pickle that names no storages; the values live in `arena`.
const Value& read_small_pickle(Reader& reader, const char* what, ValueArena& arena) {
  TorchHooks hooks(arena);
  std::uint64_t length = 0;
  const Value* value = run_pickle(reader.rest(), reader.label(what), hooks, arena, {}, &length);
  reader.at += length;
  return *value;
}

void read_header(Reader& reader) {
  ValueArena arena(1000);
  read_small_pickle(reader, "magic number", arena);
  const Value& version = read_small_pickle(reader, "protocol version", arena);
  if (version.kind != ValueKind::kInt || version.integer != kProtocolVersion) {
    fail(reader.path,
         std::string("expected version 1001 of the legacy PyTorch protocol, got ") +
             (version.kind == ValueKind::kInt ? std::to_string(version.integer) : describe(version.kind)));
  }
  const Value& system = read_small_pickle(reader, "system", arena);
  const Value* little = system.kind == ValueKind::kDict ? find_key(system, "little_endian") : nullptr;
  if (little == nullptr || little->kind != ValueKind::kBool || little->integer != 1) {
    fail(reader.path,
         "expected a file of a little-endian machine, got one of a big-endian or an unknown one: load and "
         "save it "
         "with PyTorch there and copy the weights as .safetensors");
  }
}

/// A storage as the pickle describes it, and where its elements lie.
struct Storage {
  std::int64_t numel = 0;
  std::int64_t bytes = 0;
  std::int64_t begin = -1;  // in the file; -1: not found yet
};

using Storages = std::unordered_map<std::string, Storage>;

Storages collect_storages(const TorchPickle& pickle, const std::string& path) {
  Storages storages;
  for (const StorageRecord& record : pickle.storages) {
    const std::int64_t bytes = contiguous_bytes({record.numel}, c10::elementSize(record.dtype));
    if (bytes < 0) {
      fail(path, "storage '" + printable(record.key) + "': expected a size that fits into 63 bits, got " +
                     std::to_string(record.numel) + " elements");
    }
    storages[record.key] = {record.numel, bytes, -1};
  }
  return storages;
}

/// The keys in the order in which the storages lie in the file: each storage of the pickle once.
std::vector<std::string> read_keys(Reader& reader, const Storages& storages) {
  ValueArena arena(PickleLimits{}.values);
  const Value& list = read_small_pickle(reader, "storage keys", arena);
  if (list.kind != ValueKind::kList || list.items.size() != storages.size()) {
    fail(reader.path, "expected a list of the " + std::to_string(storages.size()) +
                          " storage keys that the pickle names, got " + describe(list.kind) + " of " +
                          std::to_string(list.items.size()));
  }
  std::vector<std::string> keys;
  for (const Value* key : list.items) {
    if (key->kind != ValueKind::kText || storages.count(key->text) == 0) {
      fail(reader.path, "expected storage keys that the pickle names, got '" + printable(key->text) + "'");
    }
    keys.push_back(key->text);
  }
  return keys;
}

/// The storages must end where the file ends.
void check_size(const Reader& reader, const Storages& storages) {
  std::uint64_t expected = reader.at;
  bool fits = true;
  for (const auto& [key, storage] : storages) {
    fits = fits && !__builtin_add_overflow(expected, static_cast<std::uint64_t>(storage.bytes) + kCountSize,
                                           &expected);
  }
  if (!fits) fail(reader.path, "expected storages that fit into a file, got larger ones");
  const std::uint64_t size = reader.bytes.size;
  if (expected > size) {
    fail(reader.path, "expected " + std::to_string(expected) + " bytes as the storages need, got " +
                          std::to_string(size) + ": the file is cut short, " +
                          std::to_string(expected - size) + " bytes are missing; download it again");
  }
  if (expected < size) {
    fail(reader.path, "expected the end of the file after the last storage at byte " +
                          std::to_string(expected) + ", got " + std::to_string(size - expected) +
                          " bytes more");
  }
}

/// Finds the begin of each storage; the size of the file is checked.
void place_storages(Reader& reader, const std::vector<std::string>& keys, Storages& storages) {
  for (const std::string& key : keys) {
    Storage& storage = storages[key];
    const std::string what = "storage '" + printable(key) + "': expected ";
    if (storage.begin >= 0) fail(reader.path, what + "its key once, got it twice");
    const auto count = load_le<std::int64_t>(reader.bytes, reader.at);
    if (count != storage.numel) {
      fail(reader.path, what + std::to_string(storage.numel) +
                            " elements as the pickle says, got a count of " + std::to_string(count) +
                            " at byte " + std::to_string(reader.at));
    }
    storage.begin = static_cast<std::int64_t>(reader.at + kCountSize);
    reader.at += kCountSize + static_cast<std::uint64_t>(storage.bytes);
  }
}

}  // namespace

bool begins_torch_legacy(std::string_view head) {
  if (head.empty() || head[0] != kProtocolOpcode) return false;
  std::size_t at = 2;
  if (head.size() > at && head[at] == kFrameOpcode) at += 9;
  return head.size() > at && head.substr(at, kMagic.size()) == kMagic;
}

StateDict read_torch_legacy(std::shared_ptr<MappedFile> file) {
  const std::string& path = file->path();
  Reader reader{{file->data(), file->size()}, path};
  if (!begins_torch_legacy(reader.bytes.text())) {
    fail(path, "expected the magic number of a legacy PyTorch file, got other bytes");
  }
  read_header(reader);
  TorchPickle pickle = read_torch_pickle(reader.rest(), reader.label("object"), TorchForm::kLegacy);
  reader.at += pickle.length;
  Storages storages = collect_storages(pickle, path);
  const std::vector<std::string> keys = read_keys(reader, storages);
  check_size(reader, storages);
  place_storages(reader, keys, storages);

  StateDictParts parts;
  for (TensorRecord& record : pickle.tensors) {
    parts.infos.push_back(make_tensor_info(record, file->size(), path));
    parts.infos.back().offset += storages.at(record.storage.key).begin;
    parts.names.push_back(std::move(record.name));
  }
  parts.format = "pytorch-legacy";
  parts.metadata = std::move(pickle.metadata);
  parts.notes = std::move(pickle.notes);
  parts.file = std::move(file);
  return make_state_dict(std::move(parts));
}

}  // namespace ldm::checkpoint
