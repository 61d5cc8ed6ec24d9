#pragma once

#include <cstddef>
#include <cstdint>
#include <deque>
#include <string>
#include <string_view>
#include <vector>

namespace ldm::checkpoint {

/// What a value of a pickle is. kGlobal names something of Python without being it; kInert is any object
/// whose contents do not matter to us; kStorage and kTensor describe weights without reading them.
enum class ValueKind {
  kNone,
  kBool,
  kInt,
  kBigInt,
  kReal,
  kText,
  kBytes,
  kTuple,
  kList,
  kSet,
  kDict,
  kGlobal,
  kInert,
  kStorage,
  kTensor
};

/// "a text", "a tuple", ...: for messages.
const char* describe(ValueKind kind);

/// One value of a pickle. Values refer to each other by plain pointers into the arena that owns them all, so
/// that lists which contain themselves and very deep ones need no care to take down. Nothing walks them
/// recursively.
struct Value {
  ValueKind kind = ValueKind::kNone;
  std::uint32_t depth = 0;          ///< levels of containers below this one, for the limit on nesting
  std::int64_t integer = 0;         ///< kBool, kInt: the value; kGlobal: what the hooks made of it
  double real = 0;                  ///< kReal
  std::string text;                 ///< kText (UTF-8 as in the file), kBytes; kGlobal: "module.name"
  std::vector<const Value*> items;  ///< kTuple, kList, kSet: elements; kDict: key, value, key, value, ...;
                                    ///< kStorage: the persistent id's parts; kTensor: storage, offset, sizes,
                                    ///< strides, and perhaps a dtype
};

/// The value of the last entry of `dict` whose key is the text `key`, as Python would have it; nullptr if
/// none.
const Value* find_key(const Value& dict, std::string_view key);

/// Owns values until it goes, up to a fixed number of them.
class ValueArena {
 public:
  explicit ValueArena(std::size_t limit) : limit_(limit) {}
  /// Throws PickleRefusal (pickle_machine.h) when the limit is reached.
  Value* make(ValueKind kind);
  /// Counts `items` references that are about to be copied as if they were values: a small pickle must not be
  /// able to copy one long list again and again.
  void charge(std::size_t items);

 private:
  std::deque<Value> values_;
  std::size_t limit_;
  std::size_t used_ = 0;
};

}  // namespace ldm::checkpoint
