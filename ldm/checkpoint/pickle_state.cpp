#include "ldm/checkpoint/pickle_state.h"

#include <algorithm>
#include <cerrno>
#include <charconv>
#include <cstdlib>
#include <cstring>
#include <string>
#include <utility>

#include "ldm/checkpoint/bytes.h"

namespace ldm::checkpoint {

void PickleState::push_bool(bool truth) {
  Value* value = arena_.make(ValueKind::kBool);
  value->integer = truth ? 1 : 0;
  stack_.push(value);
}

void PickleState::push_int(std::int64_t number) {
  Value* value = arena_.make(ValueKind::kInt);
  value->integer = number;
  stack_.push(value);
}

void PickleState::push_real(double number) {
  Value* value = arena_.make(ValueKind::kReal);
  value->real = number;
  stack_.push(value);
}

void PickleState::push_real_line(std::string_view line) {
  double number = 0;
  const auto [end, error] = std::from_chars(line.data(), line.data() + line.size(), number);
  const bool whole = end == line.data() + line.size() && error != std::errc::invalid_argument;
  if (!whole) throw PickleRefusal{"expected a number, got '" + printable(line) + "'"};
  push_real(number);
}

void PickleState::push_int_line(std::string_view line) {
  if (line == "01" || line == "00") return push_bool(line == "01");  // how protocol 0 writes a bool
  if (!line.empty() && line.back() == 'L') line.remove_suffix(1);
  const std::string digits(line);
  char* end = nullptr;
  errno = 0;
  const long long number = std::strtoll(digits.c_str(), &end, 10);
  if (digits.empty() || end != digits.c_str() + digits.size()) {
    throw PickleRefusal{"expected an integer, got '" + printable(line) + "'"};
  }
  if (errno == ERANGE) return stack_.push(arena_.make(ValueKind::kBigInt));
  push_int(number);
}

void PickleState::push_long(std::string_view bytes) {
  if (bytes.size() > sizeof(std::int64_t)) return stack_.push(arena_.make(ValueKind::kBigInt));
  const bool negative = !bytes.empty() && (static_cast<unsigned char>(bytes.back()) & 0x80) != 0;
  std::int64_t number = negative ? -1 : 0;  // sign extension of the bytes that are not there
  std::memcpy(&number, bytes.data(), bytes.size());
  push_int(number);
}

void PickleState::push_text(ValueKind kind, std::string_view text) {
  Value* value = arena_.make(kind);
  value->text = text;
  stack_.push(value);
}

void PickleState::push_quoted(std::string_view line) {
  const bool quoted = line.size() >= 2 && (line[0] == '\'' || line[0] == '"') && line.back() == line[0];
  if (!quoted || line.find('\\') != std::string_view::npos) {
    throw PickleRefusal{"expected a quoted text without escapes, got '" + printable(line) + "'"};
  }
  push_text(ValueKind::kText, line.substr(1, line.size() - 2));
}

void PickleState::push_container(ValueKind kind, std::vector<const Value*> items) {
  Value* value = arena_.make(kind);
  arena_.charge(items.size());
  value->items = std::move(items);
  for (const Value* item : value->items) nest(*value, *item);
  stack_.push(value);
}

void PickleState::push_tuple_of(std::size_t count) {
  std::vector<const Value*> items(count);
  for (std::size_t i = count; i-- > 0;) items[i] = stack_.pop();
  push_container(ValueKind::kTuple, std::move(items));
}

Value* PickleState::make_tuple(std::vector<const Value*> items) {
  push_container(ValueKind::kTuple, std::move(items));
  return stack_.pop();
}

void PickleState::append(const Value* item, ValueKind wanted) {
  Value& target = *stack_.top();
  if (target.kind == ValueKind::kInert) return;
  if (target.kind != wanted) {
    throw PickleRefusal{std::string("expected ") + describe(wanted) + " to add to, got " +
                        describe(target.kind)};
  }
  nest(target, *item);
  arena_.charge(1);
  target.items.push_back(item);
}

void PickleState::set_item(const Value* key, const Value* value) {
  Value& target = *stack_.top();
  if (target.kind == ValueKind::kInert) return;
  if (target.kind != ValueKind::kDict) {
    throw PickleRefusal{std::string("expected a mapping to add to, got ") + describe(target.kind)};
  }
  nest(target, *key);
  nest(target, *value);
  arena_.charge(2);
  target.items.push_back(key);
  target.items.push_back(value);
}

void PickleState::set_items(const std::vector<const Value*>& items) {
  if (items.size() % 2 != 0) throw PickleRefusal{"expected pairs of key and value, got an odd number"};
  for (std::size_t i = 0; i < items.size(); i += 2) set_item(items[i], items[i + 1]);
}

void PickleState::nest(Value& parent, const Value& child) const {
  parent.depth = std::max(parent.depth, child.depth + 1);
  if (parent.depth > limits_.depth) {
    throw PickleRefusal{"expected at most " + std::to_string(limits_.depth) +
                        " levels of nested containers, got more"};
  }
}

void PickleState::put(std::uint64_t slot) {
  memo_[slot] = stack_.top();
  if (memo_.size() > limits_.memo) {
    throw PickleRefusal{"expected at most " + std::to_string(limits_.memo) + " memo entries, got more"};
  }
}

void PickleState::get(std::uint64_t slot) {
  const auto found = memo_.find(slot);
  if (found == memo_.end()) {
    throw PickleRefusal{"expected a value in memo slot " + std::to_string(slot) + ", got none"};
  }
  stack_.push(found->second);
}

std::uint64_t memo_slot(std::string_view line) {
  std::uint64_t slot = 0;
  const auto [end, error] = std::from_chars(line.data(), line.data() + line.size(), slot);
  if (error == std::errc() && end == line.data() + line.size()) return slot;
  throw PickleRefusal{"expected a memo slot, got '" + printable(line) + "'"};
}

}  // namespace ldm::checkpoint
