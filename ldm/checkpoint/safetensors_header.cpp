#include "ldm/checkpoint/safetensors_header.h"

#include <limits>
#include <nlohmann/json.hpp>
#include <unordered_set>
#include <utility>

#include "ldm/checkpoint/bytes.h"
#include "ldm/checkpoint/error.h"
#include "ldm/checkpoint/tensor_view.h"

namespace ldm::checkpoint {
namespace {

using nlohmann::json;

constexpr std::string_view kMetadata = "__metadata__";

/// Takes the parser's events one by one, so that order and repeated keys are seen and no tree is built.
/// Levels: 1 = the header's object, 2 = one tensor's object or the metadata, 3 = an array in a tensor's
/// object.
class HeaderEvents : public nlohmann::json_sax<json> {
 public:
  explicit HeaderEvents(const std::string& path) : path_(path) {}

  SafetensorsHeader take() { return std::move(header_); }

  bool start_object(std::size_t) override {
    if (level_ > 1) refuse("an object");
    if (level_ == 1 && !in_metadata_) header_.entries.push_back({outer_, "", {}, -1, -1});
    ++level_;
    fields_.clear();
    return true;
  }
  bool end_object() override {
    if (level_ == 2 && !in_metadata_ && fields_.size() != 3) refuse("an entry without all of them");
    --level_;
    in_metadata_ = false;
    return true;
  }
  bool start_array(std::size_t) override {
    if (level_ != 2 || in_metadata_ || (inner_ != "shape" && inner_ != "data_offsets")) refuse("an array");
    ++level_;
    count_ = 0;
    return true;
  }
  bool end_array() override {
    if (inner_ == "data_offsets" && count_ != 2)
      refuse("data_offsets of " + std::to_string(count_) + " numbers");
    --level_;
    return true;
  }
  bool key(string_t& name) override {
    if (level_ == 1) {
      if (!names_.insert(name).second) refuse("that key twice", name);
      in_metadata_ = name == kMetadata;
      outer_ = name;
    } else {
      if (!fields_.insert(name).second) refuse("field '" + printable(name) + "' twice");
      const bool known = name == "dtype" || name == "shape" || name == "data_offsets";
      if (!known && !in_metadata_) refuse("field '" + printable(name) + "'");
      inner_ = name;
    }
    return true;
  }
  bool string(string_t& text) override {
    if (level_ == 2 && in_metadata_) {
      header_.metadata[inner_] = text;
    } else if (level_ == 2 && inner_ == "dtype") {
      header_.entries.back().dtype = text;
    } else {
      refuse("the text '" + printable(text) + "'");
    }
    return true;
  }
  bool number_unsigned(number_unsigned_t number) override {
    if (level_ != 3) refuse("a number");
    if (number > static_cast<std::uint64_t>(std::numeric_limits<std::int64_t>::max()))
      refuse("a huge number");
    add_number(static_cast<std::int64_t>(number));
    return true;
  }
  bool number_integer(number_integer_t) override { refuse("a negative number"); }
  bool number_float(number_float_t, const string_t& text) override {
    refuse("the number " + printable(text));
  }
  bool null() override { refuse("null"); }
  bool boolean(bool) override { refuse("a bool"); }
  bool binary(binary_t&) override { refuse("binary data"); }
  bool parse_error(std::size_t position, const std::string&, const nlohmann::detail::exception&) override {
    throw CheckpointError("'" + path_ +
                          "': expected JSON in the safetensors header, got something else at byte " +
                          std::to_string(position) + " of it");
  }

 private:
  [[noreturn]] void refuse(const std::string& got) const { refuse(got, outer_); }
  [[noreturn]] void refuse(const std::string& got, const std::string& name) const {
    throw CheckpointError(
        "'" + path_ + "': safetensors header, key '" + printable(name) +
        "': expected one object with dtype, shape and data_offsets (or texts in __metadata__), got " + got);
  }

  void add_number(std::int64_t number) {
    SafetensorsEntry& entry = header_.entries.back();
    ++count_;
    if (inner_ == "shape") {
      if (count_ > kMaxDimensions) refuse("a shape of more than 64 dimensions");
      entry.sizes.push_back(number);
    } else if (count_ <= 2) {
      (count_ == 1 ? entry.begin : entry.end) = number;
    }
  }

  const std::string& path_;
  SafetensorsHeader header_;
  std::unordered_set<std::string> names_;   // keys of the header
  std::unordered_set<std::string> fields_;  // keys of the object at level 2
  std::string outer_;
  std::string inner_;
  int level_ = 0;
  std::size_t count_ = 0;
  bool in_metadata_ = false;
};

}  // namespace

SafetensorsHeader parse_safetensors_header(std::string_view json_text, const std::string& path) {
  HeaderEvents events(path);
  json::sax_parse(json_text.begin(), json_text.end(), &events);
  return events.take();
}

}  // namespace ldm::checkpoint
