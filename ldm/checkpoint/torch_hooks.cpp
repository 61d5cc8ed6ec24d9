#include "ldm/checkpoint/torch_hooks.h"

#include <string>

#include "ldm/checkpoint/bytes.h"
#include "ldm/checkpoint/torch_globals.h"

namespace ldm::checkpoint {
namespace {

GlobalRole role_of(const Value& global) {
  return static_cast<GlobalRole>(global.integer);
}

bool is_sequence(const Value& value) {
  return value.kind == ValueKind::kTuple || value.kind == ValueKind::kList;
}

Value* as_mutable(const Value* value) {
  return const_cast<Value*>(value);  // the arena made it mutable; containers hold it as const
}

void require_count(const Value& args, std::size_t least, std::size_t most, const char* what) {
  if (args.items.size() >= least && args.items.size() <= most) return;
  throw PickleRefusal{std::string("expected ") + std::to_string(least) + " to " + std::to_string(most) +
                      " arguments of " + what + ", got " + std::to_string(args.items.size())};
}

void require_kind(const Value& value, ValueKind kind, const char* what) {
  if (value.kind == kind) return;
  throw PickleRefusal{std::string("expected ") + describe(kind) + " as " + what + ", got " +
                      describe(value.kind)};
}

/// Metadata are the bits "conj" and "neg": the tensor's values are others than those of its storage.
void require_no_metadata(const Value& metadata) {
  const bool empty =
      metadata.kind == ValueKind::kNone || (metadata.kind == ValueKind::kDict && metadata.items.empty());
  if (empty) return;
  throw PickleRefusal{
      "expected a tensor whose values are those of its storage, got one that is conjugate or negative"};
}

void note_name(std::set<std::string>& names, std::string_view module, std::string_view name) {
  constexpr std::size_t kMaxNames = 1000;
  constexpr std::size_t kMaxName = 200;
  if (names.size() >= kMaxNames) return;
  std::string text(module.substr(0, kMaxName));
  text.append(".").append(name.substr(0, kMaxName));
  names.insert(printable(text).substr(0, kMaxName));
}

}  // namespace

Value* TorchHooks::find_global(std::string_view module, std::string_view name) {
  const auto role = role_of_global(module, name);
  if (!role) {
    throw PickleRefusal{
        "expected a global that a checkpoint needs, got '" + printable(module) + "." + printable(name) +
        "', which is not on the allow-list; nothing of the file was run. Such a name may be an "
        "attack: use another file of the model, best a .safetensors"};
  }
  note_name(*role == GlobalRole::kInert ? inert_globals_ : globals_, module, name);
  Value* global = arena_.make(ValueKind::kGlobal);
  global->integer = static_cast<std::int64_t>(*role);
  // Inert names are long at will and nobody reads them again.
  if (*role != GlobalRole::kInert) global->text.append(module).append(".").append(name);
  return global;
}

Value* TorchHooks::call(const Value& callable, const Value& args) {
  if (callable.kind == ValueKind::kGlobal) return call_global(callable, args);
  if (callable.kind == ValueKind::kInert) return arena_.make(ValueKind::kInert);
  throw PickleRefusal{std::string("expected a call of a global, got one of ") + describe(callable.kind) +
                      "; nothing of the file was run"};
}

Value* TorchHooks::call_global(const Value& callable, const Value& args) {
  switch (role_of(callable)) {
    case GlobalRole::kRebuildTensor:
      return rebuild_tensor(args);
    case GlobalRole::kRebuildTyped:
      return rebuild_typed_tensor(args);
    case GlobalRole::kRebuildParameter:
      return rebuild_parameter(args);
    case GlobalRole::kMapping:
      return make_mapping(args);
    case GlobalRole::kDefaultDict:
      return make_default_dict(args);
    case GlobalRole::kSet:
      return make_set(args);
    case GlobalRole::kSize:
      return make_size(args);
    case GlobalRole::kInert:
      return arena_.make(ValueKind::kInert);
    case GlobalRole::kStorage:
    case GlobalRole::kDtype:
    case GlobalRole::kPlainType:
      break;
  }
  throw PickleRefusal{"expected '" + callable.text +
                      "' to be named only, got a call of it; nothing of the file was run"};
}

Value* TorchHooks::rebuild_tensor(const Value& args) {
  // (storage, offset, sizes, strides), and since version 2 requires_grad, hooks and metadata
  require_count(args, 4, 7, "_rebuild_tensor");
  require_kind(*args.items[0], ValueKind::kStorage, "a tensor's storage");
  if (args.items.size() == 7) require_no_metadata(*args.items[6]);
  Value* tensor = arena_.make(ValueKind::kTensor);
  tensor->items.assign(args.items.begin(), args.items.begin() + kUntypedTensorParts);
  return tensor;
}

Value* TorchHooks::rebuild_typed_tensor(const Value& args) {
  // (storage, offset, sizes, strides, requires_grad, hooks, dtype), and perhaps metadata
  require_count(args, 7, 8, "_rebuild_tensor_v3");
  require_kind(*args.items[0], ValueKind::kStorage, "a tensor's storage");
  if (args.items.size() == 8) require_no_metadata(*args.items[7]);
  Value* tensor = arena_.make(ValueKind::kTensor);
  tensor->items.assign(args.items.begin(), args.items.begin() + kUntypedTensorParts);
  tensor->items.push_back(args.items[6]);
  return tensor;
}

Value* TorchHooks::rebuild_parameter(const Value& args) {
  // (tensor, requires_grad, hooks), and perhaps a state
  require_count(args, 1, 4, "_rebuild_parameter");
  require_kind(*args.items[0], ValueKind::kTensor, "a parameter's data");
  return as_mutable(args.items[0]);
}

Value* TorchHooks::make_mapping(const Value& args) {
  require_count(args, 0, 1, "OrderedDict");
  Value* mapping = arena_.make(ValueKind::kDict);
  if (args.items.empty()) return mapping;
  const Value& pairs = *args.items[0];
  if (!is_sequence(pairs)) require_kind(pairs, ValueKind::kList, "the pairs of an OrderedDict");
  arena_.charge(2 * pairs.items.size());
  for (const Value* pair : pairs.items) {
    if (!is_sequence(*pair) || pair->items.size() != 2) {
      throw PickleRefusal{std::string("expected pairs of key and value in an OrderedDict, got ") +
                          describe(pair->kind)};
    }
    mapping->items.insert(mapping->items.end(), pair->items.begin(), pair->items.end());
  }
  return mapping;
}

Value* TorchHooks::make_default_dict(const Value& args) {
  require_count(args, 0, 1, "defaultdict");
  if (!args.items.empty() && args.items[0]->kind != ValueKind::kNone) {
    require_kind(*args.items[0], ValueKind::kGlobal, "the factory of a defaultdict");
  }
  return arena_.make(ValueKind::kDict);
}

Value* TorchHooks::make_set(const Value& args) {
  require_count(args, 0, 1, "set");
  Value* set = arena_.make(ValueKind::kSet);
  if (args.items.empty()) return set;
  if (!is_sequence(*args.items[0])) require_kind(*args.items[0], ValueKind::kList, "the elements of a set");
  arena_.charge(args.items[0]->items.size());
  set->items = args.items[0]->items;
  return set;
}

Value* TorchHooks::make_size(const Value& args) {
  require_count(args, 1, 1, "Size");
  require_kind(*args.items[0], ValueKind::kTuple, "the numbers of a Size");
  return as_mutable(args.items[0]);
}

Value* TorchHooks::load_persistent(const Value& id) {
  require_kind(id, ValueKind::kTuple, "a persistent id");
  const bool is_storage = id.items.size() == storage_parts_ && id.items[0]->kind == ValueKind::kText &&
                          id.items[0]->text == "storage" && id.items[1]->kind == ValueKind::kGlobal &&
                          role_of(*id.items[1]) == GlobalRole::kStorage;
  if (!is_storage) {
    const char* view = storage_parts_ == kLegacyStorageParts ? ", view" : "";
    throw PickleRefusal{std::string("expected a persistent id ('storage', class, key, location, size") +
                        view + "), got another tuple of " + std::to_string(id.items.size())};
  }
  Value* storage = arena_.make(ValueKind::kStorage);
  storage->items = id.items;
  storages_.push_back(storage);
  return storage;
}

}  // namespace ldm::checkpoint
