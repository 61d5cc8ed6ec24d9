#include "ldm/checkpoint/safetensors_header.h"

#include <limits>
#include <utility>

#include "ldm/checkpoint/bytes.h"
#include "ldm/checkpoint/json_events.h"
#include "ldm/checkpoint/tensor_view.h"

namespace ldm::checkpoint {
namespace {

constexpr std::string_view kMetadata = "__metadata__";

/// Levels: 1 = the header's object, 2 = one tensor's object or the metadata, 3 = an array in a tensor's
/// object.
class HeaderEvents : public JsonEvents {
 public:
  explicit HeaderEvents(const std::string& path) : JsonEvents(path, "safetensors header", 4) {}

  SafetensorsHeader take() { return std::move(header_); }

  bool string(string_t& text) override {
    if (level() == 2 && in_metadata()) {
      header_.metadata[key_at(2)] = text;
    } else if (level() == 2 && key_at(2) == "dtype") {
      header_.entries.back().dtype = text;
    } else {
      JsonEvents::string(text);
    }
    return true;
  }
  bool number_unsigned(number_unsigned_t number) override {
    if (level() != 3) refuse("a number");
    if (number > static_cast<std::uint64_t>(std::numeric_limits<std::int64_t>::max()))
      refuse("a huge number");
    add_number(static_cast<std::int64_t>(number));
    return true;
  }

 protected:
  void opened() override {
    if (!in_object()) {
      const bool numbers =
          level() == 3 && !in_metadata() && (key_at(2) == "shape" || key_at(2) == "data_offsets");
      if (!numbers) refuse("an array");
      count_ = 0;
    } else if (level() > 2) {
      refuse("an object");
    } else if (level() == 2 && !in_metadata()) {
      header_.entries.push_back({key_at(1), "", {}, -1, -1});
      if (header_.entries.size() > kMaxTensors)
        refuse("more than " + std::to_string(kMaxTensors) + " of them");
    }
  }
  void closing() override {
    if (level() == 2 && !in_metadata() && key_count() != 3) refuse("an entry without all of them");
    if (level() == 3 && key_at(2) == "data_offsets" && count_ != 2)
      refuse("data_offsets of " + std::to_string(count_) + " numbers");
  }
  void keyed() override {
    if (level() != 2 || in_metadata()) return;
    const std::string& name = key_at(2);
    const bool known = name == "dtype" || name == "shape" || name == "data_offsets";
    if (!known) refuse("field '" + printable(name) + "'");
  }
  std::string expected() const override {
    return ", key '" + (level() > 0 ? printable(key_at(1)) : "") +
           "': expected one object with dtype, shape and data_offsets (or texts in __metadata__)";
  }

 private:
  bool in_metadata() const { return key_at(1) == kMetadata; }

  void add_number(std::int64_t number) {
    SafetensorsEntry& entry = header_.entries.back();
    ++count_;
    if (key_at(2) == "shape") {
      if (count_ > kMaxDimensions) refuse("a shape of more than 64 dimensions");
      entry.sizes.push_back(number);
    } else if (count_ <= 2) {
      (count_ == 1 ? entry.begin : entry.end) = number;
    }
  }

  SafetensorsHeader header_;
  std::size_t count_ = 0;  // numbers in the array at level 3
};

}  // namespace

SafetensorsHeader parse_safetensors_header(std::string_view json_text, const std::string& path) {
  HeaderEvents events(path);
  events.parse(json_text);
  return events.take();
}

}  // namespace ldm::checkpoint
