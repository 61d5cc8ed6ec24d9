#include "ldm/checkpoint/pickle_value.h"

#include "ldm/checkpoint/pickle_machine.h"

namespace ldm::checkpoint {

const char* describe(ValueKind kind) {
  switch (kind) {
    case ValueKind::kNone:
      return "None";
    case ValueKind::kBool:
      return "a bool";
    case ValueKind::kInt:
      return "an integer";
    case ValueKind::kBigInt:
      return "an integer of more than 64 bits";
    case ValueKind::kReal:
      return "a float";
    case ValueKind::kText:
      return "a text";
    case ValueKind::kBytes:
      return "bytes";
    case ValueKind::kTuple:
      return "a tuple";
    case ValueKind::kList:
      return "a list";
    case ValueKind::kSet:
      return "a set";
    case ValueKind::kDict:
      return "a mapping";
    case ValueKind::kGlobal:
      return "a global";
    case ValueKind::kInert:
      return "an object";
    case ValueKind::kStorage:
      return "a storage";
    case ValueKind::kTensor:
      return "a tensor";
  }
  return "an unknown value";
}

const Value* find_key(const Value& dict, std::string_view key) {
  for (std::size_t i = dict.items.size() / 2; i-- > 0;) {
    const Value& candidate = *dict.items[2 * i];
    if (candidate.kind == ValueKind::kText && candidate.text == key) return dict.items[2 * i + 1];
  }
  return nullptr;
}

Value* ValueArena::make(ValueKind kind) {
  charge(1);
  Value& value = values_.emplace_back();
  value.kind = kind;
  return &value;
}

void ValueArena::charge(std::size_t items) {
  if (items > limit_ - used_) {
    throw PickleRefusal{"expected at most " + std::to_string(limit_) + " values, got more"};
  }
  used_ += items;
}

}  // namespace ldm::checkpoint
