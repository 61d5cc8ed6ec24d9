#pragma once

// The tree behind Node: private to this folder.

#include <cstddef>
#include <memory>
#include <string>
#include <unordered_map>
#include <utility>
#include <vector>

namespace ldm::config::detail {

struct Value;
using ValuePtr = std::shared_ptr<const Value>;
using Source = std::shared_ptr<const std::string>;

/// Limits that keep a hostile config from taking the machine's memory or stack.
constexpr std::size_t kMaxDepth = 100;
constexpr std::size_t kMaxValues = 1'000'000;

/// A key of a map with its value. `line` is the key's, which an aliased value's own line is not; 0 if
/// unknown.
struct Entry {
  std::string key;
  int line = 0;
  ValuePtr value;
};

/// A value and everything below it; immutable once built, so that aliases can share it.
struct Value {
  enum class Kind { null, scalar, list, map };

  Kind kind = Kind::null;
  Source source;           ///< "configs/x.yaml" or "override 'a=b'"
  int line = 0;            ///< from 1; 0 for an override
  std::string text;        ///< of a scalar
  bool plain = true;       ///< a scalar without quotes, whose text decides its type
  std::size_t weight = 1;  ///< values in this tree with each alias expanded
  std::size_t depth = 1;   ///< levels of this tree, this one included; an upper bound after overrides
  std::vector<Entry> entries;
  std::vector<ValuePtr> items;
  std::unordered_map<std::string, std::size_t> index;  ///< key -> place in entries

  const Entry* find(const std::string& key) const;
  /// Adds an entry for a key that is not there yet.
  void add(Entry entry);
  /// Puts another value in the place of an entry or of an item.
  void replace_entry(std::size_t place, ValuePtr value);
  void replace_item(std::size_t place, ValuePtr value);
  /// Adds an item to a list.
  void append(ValuePtr value);

 private:
  void count(const Value& child);
};

/// What a message says was found: "'abc'", "a map", "null". Long text is shortened.
std::string describe(const Value* value);
std::string quoted(const std::string& text);

}  // namespace ldm::config::detail
