#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <vector>

namespace ldm::config::detail {

/// The limits that keep a hostile config from taking the machine's memory or stack.
constexpr std::size_t kMaxTextBytes = 1000000;
constexpr std::size_t kMaxDepth = 100;
constexpr std::size_t kMaxValues = 1000000;

/// Where a value was written: a file and a line counted from 1, or an override (line 0).
struct Origin {
  std::shared_ptr<const std::string> source;
  std::int64_t line = 0;

  /// "configs/x.yaml:12" or "override 'a.b=c'".
  std::string text() const;
};

struct Value;

/// A value at one place. An alias shares the value and has a place of its own.
struct Entry {
  std::shared_ptr<const Value> value;
  Origin origin;
};

/// An immutable value; changes make new values and share what stays (so copies of a config are free).
struct Value {
  enum class Kind { null, scalar, list, map };

  Kind kind = Kind::null;
  std::string text;     ///< of a scalar
  bool quoted = false;  ///< a scalar that is text whatever it looks like
  std::vector<Entry> items;
  std::vector<std::string> keys;  ///< of a map, in the order of the file
  std::map<std::string, Entry> entries;
  std::size_t values = 1;  ///< how many values this one holds, aliases expanded, itself included
  std::size_t depth = 1;   ///< how many levels it has

  /// Adds or replaces the entry of a map.
  void put(const std::string& key, const Entry& entry);
};

/// Counts `values` and `depth` from the children and freezes the value. Throws ConfigError, at `place`, over
/// the limits.
std::shared_ptr<const Value> freeze(Value value, const std::string& place);

/// "a map", "null", "'abc'": the "got" half of an error.
std::string describe(const Value* value);

/// "PLACE: key 'PATH'", or the place alone for the root.
std::string where(const std::string& place, const std::string& path);

/// "a.b" from "a" and "b"; "b" from "" and "b".
std::string join_path(const std::string& path, const std::string& name);

/// "a, b, c", or "none"; cut after sixty.
std::string join_names(const std::vector<std::string>& names);

}  // namespace ldm::config::detail
