#include "ldm/config/tree.h"

#include <algorithm>

namespace ldm::config::detail {
namespace {

constexpr std::size_t kShownCharacters = 80;

}  // namespace

const Entry* Value::find(const std::string& key) const {
  const auto found = index.find(key);
  return found == index.end() ? nullptr : &entries[found->second];
}

void Value::count(const Value& child) {
  weight += child.weight;
  depth = std::max(depth, child.depth + 1);
}

void Value::add(Entry entry) {
  index.emplace(entry.key, entries.size());
  count(*entry.value);
  entries.push_back(std::move(entry));
}

void Value::append(ValuePtr value) {
  count(*value);
  items.push_back(std::move(value));
}

// What came from elsewhere than before no longer has the key's line.
void Value::replace_entry(std::size_t place, ValuePtr value) {
  Entry& entry = entries[place];
  if (entry.value->source != value->source) entry.line = value->line;
  weight -= entry.value->weight;
  count(*value);
  entry.value = std::move(value);
}

void Value::replace_item(std::size_t place, ValuePtr value) {
  weight -= items[place]->weight;
  count(*value);
  items[place] = std::move(value);
}

std::string quoted(const std::string& text) {
  if (text.size() <= kShownCharacters) return "'" + text + "'";
  return "'" + text.substr(0, kShownCharacters) + "...'";
}

std::string describe(const Value* value) {
  if (!value) return "nothing";
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
  return value->plain ? quoted(value->text) : "the text " + quoted(value->text);
}

}  // namespace ldm::config::detail
