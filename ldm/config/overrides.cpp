#include "ldm/config/overrides.h"

#include <utility>
#include <vector>

#include "ldm/config/config.h"
#include "ldm/config/yaml_reader.h"

namespace ldm::config::detail {
namespace {

/// One "a.b=c", split and parsed.
struct Override {
  std::string source;  // "override 'a.b=c'"
  std::vector<std::string> path;
  ValuePtr value;
};

[[noreturn]] void fail(const std::string& source, const std::string& what) {
  throw ConfigError(source + ": " + what);
}

std::string trimmed(const std::string& text) {
  const std::size_t first = text.find_first_not_of(" \t");
  return first == std::string::npos ? "" : text.substr(first, text.find_last_not_of(" \t") - first + 1);
}

std::vector<std::string> split_key(const std::string& key, const std::string& source) {
  std::vector<std::string> path;
  std::size_t begin = 0;
  for (std::size_t dot = 0; dot != std::string::npos; begin = dot + 1) {
    dot = key.find('.', begin);
    path.push_back(key.substr(begin, dot == std::string::npos ? dot : dot - begin));
    if (path.back().empty()) fail(source, "expected KEY=VALUE with keys between the dots, got an empty one");
  }
  if (key.find_first_of("[]") != std::string::npos) {
    fail(source, "expected list items by number between dots (a.0.b), got brackets");
  }
  if (path.size() > kMaxDepth)
    fail(source, "expected at most " + std::to_string(kMaxDepth) + " levels, got more");
  return path;
}

Override parse_override(const std::string& text) {
  Override parsed;
  parsed.source = "override " + quoted(text);
  const std::size_t equals = text.find('=');
  if (equals == std::string::npos)
    fail(parsed.source, "expected KEY=VALUE such as a.b=1, got no equals sign");
  const std::string key = trimmed(text.substr(0, equals));
  if (key.empty()) fail(parsed.source, "expected KEY=VALUE such as a.b=1, got no key");
  parsed.path = split_key(key, parsed.source);
  parsed.value = read_yaml(text.substr(equals + 1), parsed.source, /*with_lines=*/false);
  return parsed;
}

std::string joined(const std::vector<std::string>& path, std::size_t count) {
  std::string text;
  for (std::size_t i = 0; i < count; ++i) text += (i == 0 ? "" : ".") + path[i];
  return text;
}

void put(Value& map, const std::string& key, ValuePtr value) {
  const auto found = map.index.find(key);
  if (found == map.index.end()) {
    map.add({key, value->line, value});
  } else {
    map.replace_entry(found->second, std::move(value));
  }
}

std::size_t item_number(const Override& override_, std::size_t depth, const Value& list) {
  const std::string& text = override_.path[depth];
  const bool is_number = text.size() <= 9 && text.find_first_not_of("0123456789") == std::string::npos;
  const std::size_t number = is_number ? std::stoul(text) : list.items.size();
  if (number >= list.items.size()) {
    fail(override_.source, "expected the number of an item of the list '" + joined(override_.path, depth) +
                               "', 0 to " + std::to_string(list.items.size()) + " exclusive, got " +
                               quoted(text));
  }
  return number;
}

ValuePtr assign(const ValuePtr& old, const Override& override_, std::size_t depth);

ValuePtr assign_in_map(const ValuePtr& old, const Override& override_, std::size_t depth) {
  std::shared_ptr<Value> map;
  if (old && old->kind == Value::Kind::map) {
    map = std::make_shared<Value>(*old);
  } else {
    map = std::make_shared<Value>();
    map->kind = Value::Kind::map;
    map->source = override_.value->source;
  }
  const Entry* before = map->find(override_.path[depth]);
  const ValuePtr child = before ? before->value : nullptr;
  put(*map, override_.path[depth], assign(child, override_, depth + 1));
  return map;
}

/// The tree `old`, which is what the first `depth` keys lead to, with the rest of the override applied.
ValuePtr assign(const ValuePtr& old, const Override& override_, std::size_t depth) {
  if (depth == override_.path.size()) return merged(old, override_.value);
  if (old && old->kind == Value::Kind::scalar) {
    fail(override_.source,
         "expected a map or a list at '" + joined(override_.path, depth) + "', got " + describe(old.get()));
  }
  if (!old || old->kind != Value::Kind::list) return assign_in_map(old, override_, depth);
  auto list = std::make_shared<Value>(*old);
  const std::size_t number = item_number(override_, depth, *old);
  list->replace_item(number, assign(old->items[number], override_, depth + 1));
  return list;
}

}  // namespace

ValuePtr merged(const ValuePtr& old, const ValuePtr& value) {
  if (!old || old->kind != Value::Kind::map || value->kind != Value::Kind::map) return value;
  auto result = std::make_shared<Value>(*old);
  for (const Entry& entry : value->entries) {
    const Entry* before = old->find(entry.key);
    put(*result, entry.key, before ? merged(before->value, entry.value) : entry.value);
  }
  return result;
}

void check_size(const Value& root, const std::string& source) {
  if (root.depth > kMaxDepth || root.weight > kMaxValues) {
    fail(source, "expected at most " + std::to_string(kMaxDepth) + " levels and " +
                     std::to_string(kMaxValues) + " values in the whole config, got more");
  }
}

ValuePtr apply_override(const ValuePtr& root, const std::string& override_text) {
  const Override parsed = parse_override(override_text);
  ValuePtr result = assign(root, parsed, 0);
  check_size(*result, parsed.source);
  return result;
}

}  // namespace ldm::config::detail
