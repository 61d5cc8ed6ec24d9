#include "ldm/config/yaml_reader.h"

#include <yaml-cpp/eventhandler.h>
#include <yaml-cpp/exceptions.h>
#include <yaml-cpp/parser.h>

#include <map>
#include <sstream>
#include <utility>
#include <vector>

#include "ldm/config/config.h"
#include "ldm/config/scalars.h"

namespace ldm::config::detail {
namespace {

const char* const kCoreTags = "tag:yaml.org,2002:";

/// Builds our own tree from the parser's events, so that the limits hold while the file is being read, and a
/// hostile file never reaches a size that its own does not explain.
class TreeBuilder : public YAML::EventHandler {
 public:
  TreeBuilder(Source source, bool with_lines) : source_(std::move(source)), with_lines_(with_lines) {}

  ValuePtr root() const { return root_; }

  void OnDocumentStart(const YAML::Mark& mark) override {
    if (root_) fail(mark, "expected one YAML document, got a second one");
  }
  void OnDocumentEnd() override {}

  void OnNull(const YAML::Mark& mark, YAML::anchor_t anchor) override {
    place(mark, remember(anchor, make(mark, Value::Kind::null)));
  }

  void OnAlias(const YAML::Mark& mark, YAML::anchor_t anchor) override {
    const auto found = anchors_.find(anchor);
    if (found == anchors_.end())
      fail(mark, "expected an alias of a finished value, got one inside of its own anchor");
    spend(mark, found->second->weight);
    place(mark, found->second);
  }

  void OnScalar(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t anchor,
                const std::string& text) override {
    check_tag(mark, tag);
    // The parser marks quoted scalars with the tag "!".
    const bool plain = tag != "!" && tag != std::string(kCoreTags) + "str";
    auto value = make(mark, plain && is_null_text(text) ? Value::Kind::null : Value::Kind::scalar);
    value->text = text;
    value->plain = plain;
    place(mark, remember(anchor, value));
  }

  void OnSequenceStart(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t anchor,
                       YAML::EmitterStyle::value) override {
    open(mark, tag, anchor, Value::Kind::list);
  }
  void OnSequenceEnd() override { close(); }

  void OnMapStart(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t anchor,
                  YAML::EmitterStyle::value) override {
    open(mark, tag, anchor, Value::Kind::map);
  }
  void OnMapEnd() override {
    merge_into(stack_.back());
    close();
  }

 private:
  /// A list or map that is still open.
  struct Frame {
    std::shared_ptr<Value> value;
    YAML::Mark mark;
    YAML::anchor_t anchor = 0;
    bool has_key = false;
    bool is_merge_key = false;
    std::string key;
    int key_line = 0;
    std::vector<ValuePtr> merged;
  };

  int line_of(const YAML::Mark& mark) const { return with_lines_ ? mark.line + 1 : 0; }

  [[noreturn]] void fail(const YAML::Mark& mark, const std::string& what) const {
    const std::string line = with_lines_ ? ":" + std::to_string(mark.line + 1) : std::string();
    throw ConfigError(*source_ + line + ": " + what);
  }

  void spend(const YAML::Mark& mark, std::size_t values) {
    spent_ += values;
    if (spent_ > kMaxValues) {
      fail(mark,
           "expected at most " + std::to_string(kMaxValues) + " values with aliases expanded, got more");
    }
  }

  void check_tag(const YAML::Mark& mark, const std::string& tag) const {
    if (tag.empty() || tag == "?" || tag == "!") return;
    const std::string core = kCoreTags;
    const bool is_core = tag.compare(0, core.size(), core) == 0 && tag.find('/') > core.size() &&
                         tag.find_first_of(":/", core.size()) == std::string::npos;
    if (!is_core) fail(mark, "expected plain YAML, got a value tagged " + quoted(tag) + "; take the tag out");
  }

  std::shared_ptr<Value> make(const YAML::Mark& mark, Value::Kind kind) {
    spend(mark, 1);
    auto value = std::make_shared<Value>();
    value->kind = kind;
    value->source = source_;
    value->line = line_of(mark);
    return value;
  }

  ValuePtr remember(YAML::anchor_t anchor, ValuePtr value) {
    if (anchor != YAML::NullAnchor) anchors_[anchor] = value;
    return value;
  }

  void open(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t anchor, Value::Kind kind) {
    check_tag(mark, tag);
    if (stack_.size() >= kMaxDepth) {
      fail(mark, "expected nesting of at most " + std::to_string(kMaxDepth) + " levels, got more");
    }
    Frame frame;
    frame.value = make(mark, kind);
    frame.mark = mark;
    frame.anchor = anchor;
    stack_.push_back(std::move(frame));
  }

  void close() {
    const Frame frame = std::move(stack_.back());
    stack_.pop_back();
    place(frame.mark, remember(frame.anchor, frame.value));
  }

  void place(const YAML::Mark& mark, const ValuePtr& value) {
    if (stack_.size() + value->depth > kMaxDepth) {
      fail(mark, "expected nesting of at most " + std::to_string(kMaxDepth) + " levels, got more");
    }
    if (stack_.empty()) {
      root_ = value;
      return;
    }
    Frame& frame = stack_.back();
    if (frame.value->kind == Value::Kind::list) {
      frame.value->append(value);
    } else if (frame.has_key) {
      place_in_map(frame, mark, value);
    } else {
      take_key(frame, mark, *value);
    }
  }

  void take_key(Frame& frame, const YAML::Mark& mark, const Value& key) const {
    if (key.kind != Value::Kind::scalar) {
      fail(mark, "expected a text as key, got " + describe(&key) +
                     (key.kind == Value::Kind::null ? "" : "; look for a bracket that is never closed"));
    }
    if (frame.value->find(key.text)) {
      fail(mark, "expected each key once, got " + quoted(key.text) + " a second time (first in line " +
                     std::to_string(frame.value->find(key.text)->line) + ")");
    }
    frame.has_key = true;
    frame.is_merge_key = key.plain && key.text == "<<";
    frame.key = key.text;
    frame.key_line = line_of(mark);
  }

  void place_in_map(Frame& frame, const YAML::Mark& mark, const ValuePtr& value) const {
    frame.has_key = false;
    if (!frame.is_merge_key) {
      frame.value->add({frame.key, frame.key_line, value});
      return;
    }
    const bool several = value->kind == Value::Kind::list;
    for (const ValuePtr& one : several ? value->items : std::vector<ValuePtr>{value}) {
      if (one->kind != Value::Kind::map)
        fail(mark, "expected a map to merge (<<), got " + describe(one.get()));
      frame.merged.push_back(one);
    }
  }

  /// Merge keys: the map's own keys win, then those of the maps named first.
  void merge_into(Frame& frame) {
    for (const ValuePtr& other : frame.merged) {
      for (const Entry& entry : other->entries) {
        spend(frame.mark, entry.value->weight);
        if (!frame.value->find(entry.key)) frame.value->add(entry);
      }
    }
  }

  Source source_;
  bool with_lines_;
  std::size_t spent_ = 0;
  ValuePtr root_;
  std::vector<Frame> stack_;
  std::map<YAML::anchor_t, ValuePtr> anchors_;
};

std::string syntax_error(const YAML::Exception& error, const std::string& source, bool with_lines) {
  const bool has_line = with_lines && !error.mark.is_null();
  return source + (has_line ? ":" + std::to_string(error.mark.line + 1) : std::string()) +
         ": expected valid YAML, got a syntax error: " + error.msg +
         (error.mark.is_null() ? std::string() : " (column " + std::to_string(error.mark.column + 1) + ")");
}

}  // namespace

ValuePtr read_yaml(const std::string& text, const std::string& source, bool with_lines) {
  if (text.find('\0') != std::string::npos) {
    throw ConfigError(source + ": expected YAML text, got binary data");
  }
  std::istringstream stream(text);
  TreeBuilder builder(std::make_shared<const std::string>(source), with_lines);
  try {
    YAML::Parser parser(stream);
    while (parser.HandleNextDocument(builder)) continue;
  } catch (const YAML::Exception& error) {
    throw ConfigError(syntax_error(error, source, with_lines));
  }
  if (builder.root()) return builder.root();
  auto empty = std::make_shared<Value>();
  empty->source = std::make_shared<const std::string>(source);
  return empty;
}

}  // namespace ldm::config::detail
