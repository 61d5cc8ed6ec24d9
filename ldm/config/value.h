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

constexpr int kMaxDepth = 100;

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
  std::vector<Entry> entries;
  std::vector<ValuePtr> items;
  std::unordered_map<std::string, std::size_t> index;  ///< key -> place in entries

  const Entry* find(const std::string& key) const {
    const auto found = index.find(key);
    return found == index.end() ? nullptr : &entries[found->second];
  }
  /// Adds an entry for a key that is not there yet.
  void add(Entry entry) {
    index.emplace(entry.key, entries.size());
    weight += entry.value->weight;
    entries.push_back(std::move(entry));
  }
};

/// Reads one YAML document. `source` is named in messages, with line numbers if `with_lines`. Throws
/// ConfigError. Empty text gives null.
ValuePtr read_yaml(const std::string& text, const std::string& source, bool with_lines);

/// The tree with "a.b=c" applied; `root` is not changed. Throws ConfigError.
ValuePtr apply_override(const ValuePtr& root, const std::string& override_text);

/// What a message says was found: "'abc'", "a map", "null". Long text is shortened.
std::string describe(const Value* value);
std::string quoted(const std::string& text);

}  // namespace ldm::config::detail
