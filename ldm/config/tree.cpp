#include "ldm/config/tree.h"

#include <algorithm>
#include <utility>

#include "ldm/config/config.h"

namespace ldm::config::detail {
namespace {

void count(Value& value, const Entry& child) {
  value.values += child.value->values;
  value.depth = std::max(value.depth, child.value->depth + 1);
}

}  // namespace

std::string Origin::text() const {
  return line > 0 ? *source + ":" + std::to_string(line) : *source;
}

void Value::put(const std::string& key, const Entry& entry) {
  const auto [position, is_new] = entries.insert_or_assign(key, entry);
  if (is_new) keys.push_back(position->first);
}

std::shared_ptr<const Value> freeze(Value value, const std::string& place) {
  value.values = value.depth = 1;
  for (const Entry& item : value.items) count(value, item);
  for (const auto& entry : value.entries) count(value, entry.second);
  if (value.values > kMaxValues) {
    throw ConfigError(place + ": expected at most " + std::to_string(kMaxValues) +
                      " values once aliases are expanded, got more");
  }
  if (value.depth > kMaxDepth) {
    throw ConfigError(place + ": expected at most " + std::to_string(kMaxDepth) +
                      " levels of nesting, got more");
  }
  return std::make_shared<const Value>(std::move(value));
}

std::string describe(const Value* value) {
  if (value == nullptr) return "nothing";
  constexpr std::size_t longest = 80;
  switch (value->kind) {
    case Value::Kind::null:
      return "null";
    case Value::Kind::list:
      return "a list";
    case Value::Kind::map:
      return "a map";
    case Value::Kind::scalar:
      break;
  }
  const bool cut = value->text.size() > longest;
  const std::string text = "'" + value->text.substr(0, longest) + (cut ? "..." : "") + "'";
  return value->quoted ? "the quoted text " + text : text;
}

std::string where(const std::string& place, const std::string& path) {
  return path.empty() ? place : place + ": key '" + path + "'";
}

std::string join_path(const std::string& path, const std::string& name) {
  return path.empty() ? name : path + "." + name;
}

std::string join_names(const std::vector<std::string>& names) {
  constexpr std::size_t most = 60;
  if (names.empty()) return "none";
  std::string joined;
  for (std::size_t i = 0; i < std::min(names.size(), most); ++i) joined += (i == 0 ? "" : ", ") + names[i];
  return names.size() > most ? joined + ", ..." : joined;
}

}  // namespace ldm::config::detail
