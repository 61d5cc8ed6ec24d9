#pragma once

#include <cstdint>
#include <map>
#include <string_view>
#include <vector>

#include "ldm/checkpoint/pickle_machine.h"
#include "ldm/checkpoint/pickle_stack.h"
#include "ldm/checkpoint/pickle_value.h"

namespace ldm::checkpoint {

/// What a pickle run has made so far (stack and memo), and the operations on plain data: numbers, texts,
/// containers. All functions throw PickleRefusal where the pickle breaks the rules or the limits.
class PickleState {
 public:
  PickleState(ValueArena& arena, const PickleLimits& limits)
      : arena_(arena), limits_(limits), stack_(limits.stack) {}

  PickleStack& stack() { return stack_; }

  void push_none() { stack_.push(arena_.make(ValueKind::kNone)); }
  void push_bool(bool truth);
  void push_int(std::int64_t number);
  void push_real(double number);
  /// A decimal number as protocol 0 writes it.
  void push_real_line(std::string_view line);
  /// A decimal number as protocol 0 writes it, where "00" and "01" are the bools and a long ends in "L".
  void push_int_line(std::string_view line);
  /// A two's complement number of any length, least significant byte first.
  void push_long(std::string_view bytes);
  void push_text(ValueKind kind, std::string_view text);
  /// A text in quotes, without escapes.
  void push_quoted(std::string_view line);
  void push_container(ValueKind kind, std::vector<const Value*> items);
  /// The topmost `count` values as a tuple.
  void push_tuple_of(std::size_t count);
  Value* make_tuple(std::vector<const Value*> items);

  /// Adds to the list or set on top of the stack; to an inert object nothing is added.
  void append(const Value* item, ValueKind wanted);
  /// Adds to the mapping on top of the stack; to an inert object nothing is added.
  void set_item(const Value* key, const Value* value);
  /// Key, value, key, value, ...
  void set_items(const std::vector<const Value*>& items);
  /// Notes that `parent` now contains `child`, and keeps the limit on nesting.
  void nest(Value& parent, const Value& child) const;

  /// Stores the topmost value in a memo slot.
  void put(std::uint64_t slot);
  /// Stores the topmost value in the next free memo slot.
  void memoize() { put(memo_.size()); }
  /// Pushes the value of a memo slot.
  void get(std::uint64_t slot);

 private:
  ValueArena& arena_;
  PickleLimits limits_;
  PickleStack stack_;
  std::map<std::uint64_t, const Value*> memo_;  // not hashed: the file chooses the slots
};

/// A memo slot written as decimal digits.
std::uint64_t memo_slot(std::string_view line);

}  // namespace ldm::checkpoint
