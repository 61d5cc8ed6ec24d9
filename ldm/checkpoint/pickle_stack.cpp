#include "ldm/checkpoint/pickle_stack.h"

#include <string>

#include "ldm/checkpoint/pickle_machine.h"

namespace ldm::checkpoint {

void PickleStack::push(const Value* value) {
  if (values_.size() >= limit_) {
    throw PickleRefusal{"expected at most " + std::to_string(limit_) + " values on the stack, got more"};
  }
  values_.push_back(value);
}

Value* PickleStack::top() const {
  if (values_.size() <= floor()) throw PickleRefusal{"expected a value on the stack, got none"};
  // Every value is made, mutable, by the arena of this run; the stack holds what containers hold.
  return const_cast<Value*>(values_.back());
}

Value* PickleStack::pop() {
  Value* value = top();
  values_.pop_back();
  return value;
}

void PickleStack::mark() {
  if (marks_.size() >= limit_) {
    throw PickleRefusal{"expected at most " + std::to_string(limit_) + " marks on the stack, got more"};
  }
  marks_.push_back(values_.size());
}

std::vector<const Value*> PickleStack::pop_mark() {
  if (marks_.empty()) throw PickleRefusal{"expected a mark on the stack, got none"};
  const auto first = values_.begin() + static_cast<std::ptrdiff_t>(marks_.back());
  std::vector<const Value*> items(first, values_.end());
  values_.erase(first, values_.end());
  marks_.pop_back();
  return items;
}

void PickleStack::drop() {
  if (values_.size() <= floor() && !marks_.empty()) {
    marks_.pop_back();
  } else {
    pop();
  }
}

}  // namespace ldm::checkpoint
