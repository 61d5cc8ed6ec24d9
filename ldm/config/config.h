#pragma once

#include <cstdint>
#include <memory>
#include <stdexcept>
#include <string>
#include <vector>

namespace ldm::config {

namespace detail {
struct Value;
}

/// Every failure of a config: a file that cannot be read, text that is not YAML, a key that is missing or
/// means nothing, a value of the wrong type. Worded "FILE:LINE: key 'model.params.x': expected an integer,
/// got 'abc'"; for a value that came from the command line, "override 'a.b=c': key 'a.b': ...".
class ConfigError : public std::runtime_error {
 public:
  using std::runtime_error::runtime_error;
};

/// One value of a config: a map, a list, a scalar or null, that knows its file, line and full key path.
///
/// A node is a view of an immutable tree that it keeps alive: cheap to copy, safe to read from many threads,
/// and unaffected by overrides applied to the config later. A default-constructed node, or one that `find`
/// did not find, is not `defined`; reading from it throws as any wrong type does.
///
/// Scalars are typed by YAML 1.1 as PyYAML (and with it OmegaConf) does, with two differences: `1e-4` is a
/// real even without a dot, and base-60 numbers and dates are text. A scalar in quotes is text, whatever it
/// holds.
class Node {
 public:
  Node() = default;

  bool defined() const;
  bool is_map() const;
  bool is_list() const;
  bool is_null() const;
  bool is_scalar() const;

  /// "configs/x.yaml:12: key 'model.params'"; the file alone for the top level.
  std::string where() const;
  /// "model.params.unet_config"; list items by number: "model.params.betas.0". Empty for the top level.
  const std::string& key_path() const { return key_path_; }

  /// Whether this is a map that holds `key`, be its value null.
  bool has(const std::string& key) const;
  /// The value of `key`. Throws ConfigError if this is no map, or lacks the key (naming the keys that it
  /// has).
  Node at(const std::string& key) const;
  /// The value of `key`, or an undefined node that knows where it was looked for. Never throws.
  Node find(const std::string& key) const;

  /// A text. Numbers, booleans and null are not, unless quoted.
  std::string as_text() const;
  /// Any scalar but null, as it stands in the file: "1e-3", "on", "a text".
  std::string as_written() const;
  /// A 64-bit integer, or a real that is one (1e4, 10000.0).
  std::int64_t as_integer() const;
  /// A real or an integer; .inf and .nan as YAML spells them.
  double as_real() const;
  /// true, yes, on, false, no, off: lower case, capitalised or upper case.
  bool as_boolean() const;

  /// The keys of a map in the file's order; none for null.
  std::vector<std::string> keys() const;
  /// The items of a list.
  std::vector<Node> items() const;

  /// Throws ConfigError: where(), then the text, which should read "expected ..., got ...".
  [[noreturn]] void fail(const std::string& expected_and_got) const;

 private:
  friend class Config;
  friend std::string to_yaml(const Node& node);

  std::shared_ptr<const detail::Value> value_;
  std::shared_ptr<const std::string> source_;
  int line_ = 0;
  std::string key_path_;
};

/// A config as the reference's: YAML, read by OmegaConf's rules, with `a.b=c` overrides on top.
///
/// Read safely: a file over 1 MB, nesting deeper than 100, aliases that expand to over a million values, tags
/// that name a type of a programming language, a key given twice and anything that is no map are refused with
/// a ConfigError. Anchors, aliases and merge keys (`<<`) work. Interpolation (`${a.b}`) is refused where such
/// a value is read. Copies are cheap and independent.
class Config {
 public:
  /// Throws ConfigError if the file is missing, unreadable or not valid (with the line).
  static Config from_file(const std::string& path);
  /// As from_file, on text; `name` stands for the file in messages.
  static Config from_text(const std::string& text, const std::string& name);

  /// Applies "a.b.c=value" in order, as OmegaConf.merge does with from_dotlist. The value is YAML ("[1,2]",
  /// "true", "null"; nothing after the equals sign is null). Missing maps are created; a map given for a map
  /// is merged into it; lists are replaced, and their items reached by number ("a.0.b"). Throws ConfigError
  /// quoting the override if it is malformed, leads through a scalar, or names an item that is not there;
  /// then nothing of this call is applied.
  void apply_overrides(const std::vector<std::string>& dotlist);

  /// Lays another config over this one, as OmegaConf.merge does: maps are merged key by key, everything else
  /// is replaced. Values keep the file and line that they came from. Throws ConfigError if the result is too
  /// large.
  void merge(const Config& other);

  Node root() const;

 private:
  std::shared_ptr<const detail::Value> root_;
};

}  // namespace ldm::config
