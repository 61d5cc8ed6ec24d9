#include "ldm/config/config.h"

#include <cerrno>
#include <cmath>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <system_error>
#include <utility>

#include "ldm/config/overrides.h"
#include "ldm/config/scalars.h"
#include "ldm/config/tree.h"
#include "ldm/config/yaml_reader.h"

namespace ldm::config {
namespace {

using detail::Value;

constexpr std::size_t kMaxBytes = 1'000'000;
constexpr double kMaxExactInteger = 9007199254740992.0;  // 2^53: beyond it a real no longer names one integer

std::string child_path(const std::string& path, const std::string& key) {
  return path.empty() ? key : path + "." + key;
}

std::string joined(const std::vector<std::string>& names) {
  std::string text;
  for (const std::string& name : names) text += (text.empty() ? "" : ", ") + name;
  return text.empty() ? "none" : text;
}

bool is(const std::shared_ptr<const Value>& value, Value::Kind kind) {
  return value && value->kind == kind;
}

/// The text of a scalar whose type its text decides, else nothing.
const std::string* plain_text(const std::shared_ptr<const Value>& value) {
  return is(value, Value::Kind::scalar) && value->plain ? &value->text : nullptr;
}

std::string read_file(const std::string& path) {
  std::error_code unknown;
  if (std::filesystem::is_directory(path, unknown))
    throw ConfigError(path + ": expected a config file, got a folder");
  errno = 0;
  std::ifstream file(path, std::ios::binary);
  if (!file)
    throw ConfigError(path + ": expected a config file that can be read, got: " + std::strerror(errno));
  std::string text(kMaxBytes + 1, '\0');
  file.read(text.data(), static_cast<std::streamsize>(text.size()));
  if (file.bad())
    throw ConfigError(path + ": expected a config file that can be read, got: " + std::strerror(errno));
  text.resize(static_cast<std::size_t>(file.gcount()));
  return text;
}

}  // namespace

bool Node::defined() const {
  return value_ != nullptr;
}
bool Node::is_map() const {
  return is(value_, Value::Kind::map);
}
bool Node::is_list() const {
  return is(value_, Value::Kind::list);
}
bool Node::is_null() const {
  return is(value_, Value::Kind::null);
}
bool Node::is_scalar() const {
  return is(value_, Value::Kind::scalar);
}

std::string Node::where() const {
  std::string text = source_ ? *source_ : "config";
  if (line_ > 0) text += ":" + std::to_string(line_);
  return key_path_.empty() ? text : text + ": key '" + key_path_ + "'";
}

void Node::fail(const std::string& expected_and_got) const {
  throw ConfigError(where() + ": " + expected_and_got);
}

bool Node::has(const std::string& key) const {
  return is_map() && value_->find(key);
}

Node Node::find(const std::string& key) const {
  Node node;
  node.source_ = source_;
  node.line_ = line_;
  node.key_path_ = child_path(key_path_, key);
  const detail::Entry* entry = is_map() ? value_->find(key) : nullptr;
  if (!entry) return node;
  node.value_ = entry->value;
  node.source_ = entry->value->source;
  node.line_ = entry->line;
  return node;
}

Node Node::at(const std::string& key) const {
  if (!is_map()) fail("expected a map with the key '" + key + "', got " + detail::describe(value_.get()));
  if (!has(key)) fail("expected the key '" + key + "', got only the keys " + joined(keys()));
  return find(key);
}

std::string Node::as_written() const {
  if (!is_scalar()) fail("expected a single value, got " + detail::describe(value_.get()));
  if (value_->text.find("${") != std::string::npos) {
    fail("expected a value, got the interpolation " + detail::quoted(value_->text) +
         ", which is not supported; write the value itself");
  }
  return value_->text;
}

std::string Node::as_text() const {
  if (!is_scalar()) fail("expected a text, got " + detail::describe(value_.get()));
  as_written();
  if (!value_->plain) return value_->text;
  const bool is_boolean = detail::parse_boolean(value_->text).has_value();
  if (is_boolean || detail::parse_real(value_->text)) {
    fail("expected a text, got the " + std::string(is_boolean ? "boolean " : "number ") + value_->text +
         "; put it in quotes if it is meant as text");
  }
  return value_->text;
}

std::int64_t Node::as_integer() const {
  if (const std::string* text = plain_text(value_)) {
    if (const auto integer = detail::parse_integer(*text)) return *integer;
    const auto real = detail::parse_real(*text);
    if (real && std::nearbyint(*real) == *real && std::abs(*real) <= kMaxExactInteger) {
      return static_cast<std::int64_t>(*real);
    }
    if (!real && !detail::parse_boolean(*text)) as_text();  // an interpolation says so itself
  }
  fail("expected an integer, got " + detail::describe(value_.get()));
}

double Node::as_real() const {
  if (const std::string* text = plain_text(value_)) {
    if (const auto real = detail::parse_real(*text)) return *real;
    if (!detail::parse_boolean(*text)) as_text();
  }
  fail("expected a number, got " + detail::describe(value_.get()));
}

bool Node::as_boolean() const {
  if (const std::string* text = plain_text(value_)) {
    if (const auto boolean = detail::parse_boolean(*text)) return *boolean;
    if (!detail::parse_real(*text)) as_text();
  }
  fail("expected true or false, got " + detail::describe(value_.get()));
}

std::vector<std::string> Node::keys() const {
  if (!is_map() && !is_null()) fail("expected a map, got " + detail::describe(value_.get()));
  std::vector<std::string> names;
  for (const detail::Entry& entry : value_->entries) names.push_back(entry.key);
  return names;
}

std::vector<Node> Node::items() const {
  if (!is_list()) fail("expected a list, got " + detail::describe(value_.get()));
  std::vector<Node> nodes;
  for (const auto& item : value_->items) {
    Node node;
    node.value_ = item;
    node.source_ = item->source;
    node.line_ = item->line;
    node.key_path_ = child_path(key_path_, std::to_string(nodes.size()));
    nodes.push_back(std::move(node));
  }
  return nodes;
}

Config Config::from_file(const std::string& path) {
  return from_text(read_file(path), path);
}

Config Config::from_text(const std::string& text, const std::string& name) {
  if (text.size() > kMaxBytes) {
    throw ConfigError(name + ": expected a config of at most " + std::to_string(kMaxBytes) +
                      " bytes, got more; is this a config?");
  }
  auto root = detail::read_yaml(text, name, /*with_lines=*/true);
  if (root->kind == Value::Kind::null) {
    auto empty = std::make_shared<Value>(*root);
    empty->kind = Value::Kind::map;
    root = empty;
  }
  if (root->kind != Value::Kind::map) {
    throw ConfigError(name + ": expected a map of keys at the top level, got " +
                      detail::describe(root.get()));
  }
  Config config;
  config.root_ = root;
  return config;
}

void Config::apply_overrides(const std::vector<std::string>& dotlist) {
  auto root = root_;
  for (const std::string& text : dotlist) root = detail::apply_override(root, text);
  root_ = root;
}

void Config::merge(const Config& other) {
  root_ = detail::merged(root_, other.root_);
  detail::check_size(*root_, *root_->source);
}

Node Config::root() const {
  Node node;
  node.value_ = root_;
  if (root_) node.source_ = root_->source;
  return node;
}

}  // namespace ldm::config
