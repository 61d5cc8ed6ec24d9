#include "ldm/checkpoint/torch_pickle.h"

#include <algorithm>
#include <string_view>
#include <unordered_map>
#include <utility>

#include "ldm/checkpoint/error.h"
#include "ldm/checkpoint/pickle_machine.h"
#include "ldm/checkpoint/pickle_value.h"
#include "ldm/checkpoint/tensor_view.h"
#include "ldm/checkpoint/torch_extras.h"
#include "ldm/checkpoint/torch_hooks.h"

namespace ldm::checkpoint {
namespace {

// Values may be shared in a pickle but are copied out of it, so what is copied has a bound of its own.
constexpr std::size_t kMaxNameLength = 1000;
constexpr std::size_t kMaxMetadata = 1000;
constexpr std::size_t kMaxMetadataText = 4096;
constexpr std::size_t kMaxMetadataPairs = 20000;  // that are looked at

[[noreturn]] void fail(const std::string& label, const std::string& what) {
  throw CheckpointError(label + ": " + what);
}

/// The scalars of the top level where their keys first appear; of a key that is there twice, the last value.
NamedScalars collect_scalars(const Value& top) {
  NamedScalars scalars;
  std::unordered_map<std::string_view, std::size_t> places;
  const std::size_t end = std::min(top.items.size(), 2 * kMaxMetadataPairs);
  for (std::size_t i = 0; i < end && scalars.size() < kMaxMetadata; i += 2) {
    const Value& key = *top.items[i];
    if (key.kind != ValueKind::kText || key.text.size() > kMaxMetadataText) continue;
    Scalar scalar;
    if (!read_scalar(*top.items[i + 1], scalar)) continue;
    const auto [place, added] = places.emplace(key.text, scalars.size());
    if (added) scalars.push_back({key.text, {}});
    scalars[place->second].value = std::move(scalar);
  }
  return scalars;
}

bool has_tensor(const Value& mapping) {
  for (std::size_t i = 1; i < mapping.items.size(); i += 2) {
    if (mapping.items[i]->kind == ValueKind::kTensor) return true;
  }
  return false;
}

std::string some_keys(const Value& mapping) {
  std::string keys;
  for (std::size_t i = 0; i < mapping.items.size() && i < 10; i += 2) {
    const Value& key = *mapping.items[i];
    keys += keys.empty() ? "" : ", ";
    keys += key.kind == ValueKind::kText ? "'" + printable(key.text) + "'" : describe(key.kind);
  }
  return keys.empty() ? "none" : keys;
}

const Value& find_state_dict(const Value& top, const std::string& label) {
  if (top.kind != ValueKind::kDict) {
    fail(label, std::string("expected a mapping at the top level, got ") + describe(top.kind));
  }
  if (const Value* inner = find_key(top, "state_dict")) {
    if (inner->kind != ValueKind::kDict) {
      fail(label, std::string("expected a mapping under 'state_dict', got ") + describe(inner->kind));
    }
    return *inner;
  }
  if (!has_tensor(top)) {
    fail(label,
         "expected 'state_dict' or tensors at the top level, got neither among the keys " + some_keys(top));
  }
  return top;
}

/// Names are hashed and copied, and a pickle can refer to one long text a million times.
void check_name(const Value& name, const std::string& label) {
  if (name.kind != ValueKind::kText) {
    fail(label, std::string("expected a text as the name of a tensor, got ") + describe(name.kind));
  }
  if (name.text.size() > kMaxNameLength) {
    fail(label,
         "expected names of tensors of at most 1000 bytes, got one of " + std::to_string(name.text.size()));
  }
  if (!is_utf8(name.text)) {
    fail(label, "expected names of tensors in UTF-8, got '" + printable(name.text) + "'");
  }
}

/// The tensors in the order in which their names first appear; of a name that is there twice the last value
/// counts, as in Python. Entries that are no tensors are left out.
std::vector<std::pair<std::string, const Value*>> named_tensors(const Value& mapping,
                                                                const std::string& label) {
  std::vector<std::pair<std::string, const Value*>> pairs;
  std::unordered_map<std::string_view, std::size_t> places;
  for (std::size_t i = 0; i < mapping.items.size(); i += 2) {
    const Value* key = mapping.items[i];
    const Value* value = mapping.items[i + 1];
    if (value->kind == ValueKind::kTensor) check_name(*key, label);
    if (key->kind != ValueKind::kText || key->text.size() > kMaxNameLength) continue;
    const auto [place, added] = places.emplace(key->text, pairs.size());
    if (added) pairs.emplace_back(key->text, value);
    pairs[place->second].second = value;
  }
  const auto others = std::remove_if(
      pairs.begin(), pairs.end(), [](const auto& pair) { return pair.second->kind != ValueKind::kTensor; });
  pairs.erase(others, pairs.end());
  if (pairs.size() <= kMaxTensors) return pairs;
  fail(label,
       "expected at most " + std::to_string(kMaxTensors) + " tensors, got " + std::to_string(pairs.size()));
}

std::uint64_t bytes_of(const StorageRecord& storage) {
  const std::int64_t bytes = contiguous_bytes({storage.numel}, c10::elementSize(storage.dtype));
  return bytes < 0 ? ~std::uint64_t{0} : static_cast<std::uint64_t>(bytes);
}

/// Each storage once. One that is named again must be described as before, except that in the zip form two
/// types may share a storage.
std::vector<StorageRecord> distinct_storages(const std::vector<const Value*>& storages, TorchForm form,
                                             const std::string& label) {
  const std::string what = label + ": a storage";
  std::vector<StorageRecord> records;
  std::unordered_map<std::string, std::size_t> places;
  for (const Value* storage : storages) {
    StorageRecord record = read_storage_record(*storage, what);
    const auto [place, added] = places.emplace(record.key, records.size());
    if (added) {
      records.push_back(std::move(record));
      continue;
    }
    StorageRecord& before = records[place->second];
    const bool same = before.dtype == record.dtype && before.numel == record.numel;
    if (form == TorchForm::kZip) {
      if (bytes_of(record) > bytes_of(before)) before = std::move(record);
    } else if (!same) {
      fail(label, "storage '" + printable(record.key) + "': expected one type and size, got " +
                      std::to_string(before.numel) + " elements of " + c10::toString(before.dtype) + " and " +
                      std::to_string(record.numel) + " of " + c10::toString(record.dtype));
    }
  }
  return records;
}

}  // namespace

TorchPickle read_torch_pickle(ByteView pickle, const std::string& label, TorchForm form, TorchPart part) {
  const PickleLimits limits;
  ValueArena arena(limits.values);
  TorchHooks hooks(arena, form == TorchForm::kLegacy ? kLegacyStorageParts : kZipStorageParts);
  TorchPickle result;
  const Value& top = *run_pickle(pickle, label, hooks, arena, limits, &result.length);
  TorchExtras found;
  if (part == TorchPart::kStateDict) {
    found = {named_tensors(find_state_dict(top, label), label), collect_scalars(top)};
  } else {
    found = collect_extras(top, label);
  }
  for (const auto& [name, value] : found.tensors) {
    result.tensors.push_back(read_tensor_record(name, *value, label));
  }
  result.storages = distinct_storages(hooks.storages(), form, label);
  result.notes.globals.assign(hooks.globals().begin(), hooks.globals().end());
  result.notes.inert_globals.assign(hooks.inert_globals().begin(), hooks.inert_globals().end());
  result.notes.scalars = std::move(found.scalars);
  return result;
}

}  // namespace ldm::checkpoint
