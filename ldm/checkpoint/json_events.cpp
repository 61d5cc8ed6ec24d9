#include "ldm/checkpoint/json_events.h"

#include <utility>

#include "ldm/checkpoint/bytes.h"
#include "ldm/checkpoint/error.h"

namespace ldm::checkpoint {

JsonEvents::JsonEvents(const std::string& path, std::string part, std::size_t max_level)
    : path_(path), part_(std::move(part)), max_level_(max_level) {}

void JsonEvents::parse(std::string_view text) {
  nlohmann::json::sax_parse(text.begin(), text.end(), this);
}

void JsonEvents::fail(const std::string& what) const {
  throw CheckpointError("'" + path_ + "': " + part_ + what);
}

void JsonEvents::refuse(const std::string& got) const {
  fail(expected() + ", got " + got);
}

bool JsonEvents::open(bool is_object) {
  if (level() == max_level_) fail(": expected at most " + std::to_string(max_level_) + " levels, got more");
  levels_.push_back({is_object, "", {}});
  opened();
  return true;
}

bool JsonEvents::close() {
  closing();
  levels_.pop_back();
  return true;
}

bool JsonEvents::key(string_t& name) {
  levels_.back().key = name;
  if (!levels_.back().keys.insert(name).second) {
    refuse(level() == 1 ? "that key twice" : "field '" + printable(name) + "' twice");
  }
  keyed();
  return true;
}

bool JsonEvents::string(string_t& text) {
  refuse("the text '" + printable(text) + "'");
}

bool JsonEvents::number_unsigned(number_unsigned_t) {
  refuse("a number");
}

bool JsonEvents::number_integer(number_integer_t) {
  refuse("a negative number");
}

bool JsonEvents::number_float(number_float_t, const string_t& text) {
  refuse("the number " + printable(text));
}

bool JsonEvents::parse_error(std::size_t position, const std::string&, const nlohmann::detail::exception&) {
  fail(": expected JSON, got something else at byte " + std::to_string(position) + " of it");
}

}  // namespace ldm::checkpoint
