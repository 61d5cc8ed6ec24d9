#include "ldm/checkpoint/torch_pickle.h"

#include <optional>
#include <string_view>
#include <unordered_map>
#include <utility>

#include "ldm/checkpoint/dtype.h"
#include "ldm/checkpoint/error.h"
#include "ldm/checkpoint/pickle_machine.h"
#include "ldm/checkpoint/pickle_value.h"
#include "ldm/checkpoint/tensor_view.h"
#include "ldm/checkpoint/torch_hooks.h"

namespace ldm::checkpoint {
namespace {

// Values may be shared in a pickle but are copied out of it, so what is copied has a bound of its own.
constexpr std::size_t kMaxKeyLength = 64;
constexpr std::size_t kMaxMetadata = 1000;
constexpr std::size_t kMaxMetadataText = 4096;

[[noreturn]] void fail(const std::string& label, const std::string& what) {
  throw CheckpointError(label + ": " + what);
}

/// None if `value` is not a scalar.
std::optional<Scalar> scalar_of(const Value& value) {
  switch (value.kind) {
    case ValueKind::kBool:
      return value.integer != 0;
    case ValueKind::kInt:
      return value.integer;
    case ValueKind::kReal:
      return value.real;
    case ValueKind::kText:
      return value.text.substr(0, kMaxMetadataText);
    default:
      return std::nullopt;
  }
}

/// The scalars of the top level where their keys first appear; of a key that is there twice, the last value.
NamedScalars collect_scalars(const Value& top) {
  NamedScalars scalars;
  std::unordered_map<std::string_view, std::size_t> places;
  for (std::size_t i = 0; i < top.items.size() && scalars.size() < kMaxMetadata; i += 2) {
    const Value& key = *top.items[i];
    if (key.kind != ValueKind::kText || key.text.size() > kMaxMetadataText) continue;
    std::optional<Scalar> scalar = scalar_of(*top.items[i + 1]);
    if (!scalar) continue;
    const auto [place, added] = places.emplace(key.text, scalars.size());
    if (added) scalars.push_back({key.text, {}});
    scalars[place->second].value = *std::move(scalar);
  }
  return scalars;
}

/// Reads the numbers of a TensorRecord and checks them against each other.
class RecordReader {
 public:
  RecordReader(const Value& name, const std::string& label) : label_(label) { record_.name = name.text; }

  TensorRecord read(const Value& tensor) {
    read_storage(*tensor.items[0]);
    record_.offset = integer(*tensor.items[1], "storage offset");
    record_.sizes = integers(*tensor.items[2], "sizes");
    record_.strides = integers(*tensor.items[3], "strides");
    const std::string fault = fault_of_view(record_.sizes, record_.strides, record_.offset,
                                            record_.storage_numel, c10::elementSize(record_.dtype));
    if (!fault.empty()) refuse(fault);
    return std::move(record_);
  }

 private:
  [[noreturn]] void refuse(const std::string& what) const {
    fail(label_, "tensor '" + printable(record_.name) + "': " + what);
  }

  void read_storage(const Value& storage) {
    const std::string& type = storage.items[1]->text;
    const Value& key = *storage.items[2];
    if (key.kind != ValueKind::kText || key.text.empty() || key.text.size() > kMaxKeyLength) {
      refuse(std::string("expected a storage key of 1 to 64 characters, got ") + describe(key.kind));
    }
    record_.storage_key = key.text;
    record_.dtype = storage_dtype(type);
    record_.storage_numel = integer(*storage.items[4], "storage size");
  }

  c10::ScalarType storage_dtype(const std::string& type) const {
    if (type == "torch.storage.UntypedStorage") return c10::ScalarType::Byte;
    constexpr std::string_view kModule = "torch.";
    const auto dtype = dtype_of_storage_class(std::string_view(type).substr(kModule.size()));
    if (!dtype) refuse("expected a storage class with an element type, got '" + type + "'");
    return *dtype;
  }

  std::int64_t integer(const Value& value, const char* what) const {
    if (value.kind == ValueKind::kInt && value.integer >= 0) return value.integer;
    refuse(std::string("expected a non-negative integer as ") + what + ", got " +
           (value.kind == ValueKind::kInt ? std::to_string(value.integer) : describe(value.kind)));
  }

  std::vector<std::int64_t> integers(const Value& value, const char* what) const {
    if (value.kind != ValueKind::kTuple || value.items.size() > kMaxDimensions) {
      refuse(std::string("expected a tuple of at most 64 integers as ") + what + ", got " +
             describe(value.kind) + " of " + std::to_string(value.items.size()));
    }
    std::vector<std::int64_t> numbers;
    for (const Value* item : value.items) numbers.push_back(integer(*item, what));
    return numbers;
  }

  const std::string& label_;
  TensorRecord record_;
};

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

/// Keys and last values in the order in which the keys first appear; only texts name a tensor.
std::vector<std::pair<const Value*, const Value*>> last_values(const Value& mapping,
                                                               const std::string& label) {
  std::vector<std::pair<const Value*, const Value*>> pairs;
  std::unordered_map<std::string_view, std::size_t> places;
  for (std::size_t i = 0; i < mapping.items.size(); i += 2) {
    const Value* key = mapping.items[i];
    const Value* value = mapping.items[i + 1];
    if (key->kind == ValueKind::kText) {
      const auto [place, added] = places.emplace(key->text, pairs.size());
      if (added) pairs.emplace_back(key, value);
      pairs[place->second].second = value;
    } else if (value->kind == ValueKind::kTensor) {
      fail(label, std::string("expected a text as the name of a tensor, got ") + describe(key->kind));
    }
  }
  return pairs;
}

}  // namespace

TorchPickle read_torch_pickle(ByteView pickle, const std::string& label) {
  const PickleLimits limits;
  ValueArena arena(limits.values);
  TorchHooks hooks(arena);
  const Value& top = *run_pickle(pickle, label, hooks, arena, limits);
  const Value& state_dict = find_state_dict(top, label);
  TorchPickle result;
  for (const auto& [name, value] : last_values(state_dict, label)) {
    if (value->kind == ValueKind::kTensor) {
      result.tensors.push_back(RecordReader(*name, label).read(*value));
    }
  }
  result.scalars = collect_scalars(top);
  return result;
}

}  // namespace ldm::checkpoint
