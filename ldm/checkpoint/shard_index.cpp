#include "ldm/checkpoint/shard_index.h"

#include <algorithm>
#include <unordered_set>

#include "ldm/checkpoint/bytes.h"
#include "ldm/checkpoint/json_events.h"
#include "ldm/checkpoint/tensor_view.h"

namespace ldm::checkpoint {
namespace {

constexpr std::string_view kWeightMap = "weight_map";
constexpr std::string_view kMetadata = "metadata";
constexpr std::size_t kMaxLevel = 8;
constexpr std::size_t kMaxShards = 1000;
constexpr std::size_t kMaxFileName = 255;

/// Whether a name leads to a file of the same folder and nowhere else.
bool is_plain_file_name(std::string_view name) {
  if (name.empty() || name.size() > kMaxFileName || name == "." || name == "..") return false;
  return name.find_first_of("/\\") == std::string_view::npos && name.find('\0') == std::string_view::npos;
}

/// Levels: 1 = the index, 2 = its weight_map or metadata. What is deeper, or beside them, is passed over.
class IndexEvents : public JsonEvents {
 public:
  explicit IndexEvents(const std::string& path) : JsonEvents(path, "shard index", kMaxLevel) {}

  ShardIndex take() {
    if (!has_map_) fail(": expected a weight_map of names and files, got none");
    return std::move(index_);
  }

  bool string(string_t& text) override {
    if (in_map()) {
      add_tensor(text);
    } else {
      add_metadata(text);
    }
    return true;
  }
  bool number_unsigned(number_unsigned_t number) override { return add_other(std::to_string(number)); }
  bool number_integer(number_integer_t number) override { return add_other(std::to_string(number)); }
  bool number_float(number_float_t, const string_t& text) override { return add_other(text); }
  bool boolean(bool truth) override { return add_other(truth ? "true" : "false"); }
  bool null() override { return add_other("null"); }

 protected:
  void opened() override {
    if (level() == 1 && !in_object()) refuse("an array");
    if (level() != 2 || key_at(1) != kWeightMap) {
      if (in_map()) refuse("an object or an array");
      return;
    }
    if (!in_object()) refuse("an array");
    has_map_ = true;
  }
  std::string expected() const override {
    const std::string key = level() > 0 ? key_at(std::min<std::size_t>(level(), 2)) : "";
    return ", key '" + printable(key) + "': expected names of tensors and of files beside the index";
  }

 private:
  bool in_map() const { return level() >= 2 && key_at(1) == kWeightMap; }

  void add_tensor(const std::string& file) {
    if (!is_plain_file_name(file)) {
      refuse("'" + printable(file) + "', which is not the plain name of a file in the same folder");
    }
    files_.insert(file);
    if (files_.size() > kMaxShards) refuse("more than 1000 files");
    if (index_.weight_map.size() == kMaxTensors)
      refuse("more than " + std::to_string(kMaxTensors) + " tensors");
    index_.weight_map.emplace_back(key_at(2), file);
  }

  void add_metadata(const std::string& text) {
    if (level() == 2 && key_at(1) == kMetadata && in_object()) index_.metadata[key_at(2)] = text;
  }

  bool add_other(const std::string& text) {
    if (in_map()) refuse(text);
    add_metadata(text);
    return true;
  }

  ShardIndex index_;
  std::unordered_set<std::string> files_;
  bool has_map_ = false;
};

}  // namespace

bool is_shard_index(std::string_view text) {
  const std::size_t start = text.substr(0, 64).find_first_not_of(" \t\r\n");
  if (start == std::string_view::npos || text[start] != '{') return false;
  // A .safetensors file may begin like that, but has zeros in the upper bytes of its header's length.
  if (text.substr(0, 8).find('\0') != std::string_view::npos) return false;
  return text.substr(0, kMaxShardIndex).find("\"weight_map\"") != std::string_view::npos;
}

ShardIndex parse_shard_index(std::string_view json, const std::string& path) {
  IndexEvents events(path);
  events.parse(json);
  return events.take();
}

}  // namespace ldm::checkpoint
