#pragma once

#include <nlohmann/json.hpp>
#include <string>
#include <string_view>
#include <unordered_set>
#include <vector>

namespace ldm::checkpoint {

/// Takes the events of a parser that reads JSON from a file which is not trusted, one by one, so that no tree
/// is built and the order of keys is seen. Refuses keys that are there twice in an object, nesting beyond
/// `max_level`, and every kind of value that a derived class does not take. Level 1 is the outermost object
/// or array. All functions throw CheckpointError.
class JsonEvents : public nlohmann::json_sax<nlohmann::json> {
 public:
  /// `path` and `part` ("the safetensors header") are for messages; `path` must outlive this.
  JsonEvents(const std::string& path, std::string part, std::size_t max_level);

  /// Reads the text.
  void parse(std::string_view text);

  bool start_object(std::size_t) final { return open(true); }
  bool end_object() final { return close(); }
  bool start_array(std::size_t) final { return open(false); }
  bool end_array() final { return close(); }
  bool key(string_t& name) final;
  bool string(string_t& text) override;
  bool number_unsigned(number_unsigned_t number) override;
  bool number_integer(number_integer_t number) override;
  bool number_float(number_float_t number, const string_t& text) override;
  bool null() override { refuse("null"); }
  bool boolean(bool) override { refuse("a bool"); }
  bool binary(binary_t&) override { refuse("binary data"); }
  bool parse_error(std::size_t position, const std::string&, const nlohmann::detail::exception&) override;

 protected:
  /// An object or an array has begun, or is about to end; it is the one of `level()`.
  virtual void opened() {}
  virtual void closing() {}
  /// The object of `level()` has got the key `key_at(level())`.
  virtual void keyed() {}
  /// What may stand here, for messages: begins with where this is.
  virtual std::string expected() const = 0;

  /// Throws: `got` is not what may stand here.
  [[noreturn]] void refuse(const std::string& got) const;
  [[noreturn]] void fail(const std::string& what) const;
  std::size_t level() const { return levels_.size(); }
  bool in_object() const { return levels_.back().is_object; }
  /// The last key of the object at a level; empty for an array.
  const std::string& key_at(std::size_t level) const { return levels_[level - 1].key; }
  /// Keys so far in the object of `level()`.
  std::size_t key_count() const { return levels_.back().keys.size(); }

 private:
  struct Level {
    bool is_object;
    std::string key;
    std::unordered_set<std::string> keys;
  };

  bool open(bool is_object);
  bool close();

  const std::string& path_;
  std::string part_;
  std::size_t max_level_;
  std::vector<Level> levels_;
};

}  // namespace ldm::checkpoint
