#pragma once

#include <cstddef>
#include <vector>

#include "ldm/checkpoint/pickle_value.h"

namespace ldm::checkpoint {

/// The stack of a pickle run: values, and marks that close off those below them. All functions throw
/// PickleRefusal where the pickle asks for more than is there, or for more than `limit` values or marks.
class PickleStack {
 public:
  explicit PickleStack(std::size_t limit) : limit_(limit) {}

  void push(const Value* value);
  /// The topmost value above the last mark, taken off.
  Value* pop();
  /// The topmost value above the last mark, left there.
  Value* top() const;
  void mark();
  /// The values above the last mark, bottom first; takes them and the mark off.
  std::vector<const Value*> pop_mark();
  /// What the opcode POP does: drops the topmost value, or the last mark if it lies on top.
  void drop();

 private:
  std::size_t floor() const { return marks_.empty() ? 0 : marks_.back(); }

  std::vector<const Value*> values_;
  std::vector<std::size_t> marks_;
  std::size_t limit_;
};

}  // namespace ldm::checkpoint
