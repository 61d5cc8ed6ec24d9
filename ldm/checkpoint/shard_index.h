#pragma once

#include <map>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace ldm::checkpoint {

/// Longest index file that is read, in bytes.
constexpr std::size_t kMaxShardIndex = std::size_t{1} << 24;

/// What MODEL.safetensors.index.json or pytorch_model.bin.index.json says: in which file each tensor lies.
struct ShardIndex {
  std::vector<std::pair<std::string, std::string>>
      weight_map;                               ///< tensor and file, in the order of the index
  std::map<std::string, std::string> metadata;  ///< its scalars as text, such as total_size
};

/// Whether a text looks like such an index: JSON with a "weight_map".
bool is_shard_index(std::string_view text);

/// Reads one. File names must be plain names, of files beside the index. Refused are keys that are there
/// twice, nesting beyond 8 levels, and files of more than 1000 names. `path` begins the messages. Throws
/// CheckpointError.
ShardIndex parse_shard_index(std::string_view json, const std::string& path);

}  // namespace ldm::checkpoint
