#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <vector>

namespace ldm::checkpoint {

/// One tensor as the header of a .safetensors file tells it; offsets are in bytes from the end of the header.
/// Nothing is checked yet but the JSON types.
struct SafetensorsEntry {
  std::string name;
  std::string dtype;
  std::vector<std::int64_t> sizes;
  std::int64_t begin = 0;
  std::int64_t end = 0;
};

struct SafetensorsHeader {
  std::vector<SafetensorsEntry> entries;  ///< in the order of the header
  std::map<std::string, std::string> metadata;
};

/// Reads the JSON header. Refused are unknown or missing fields, keys that are there twice (at any level),
/// numbers that are no non-negative 63-bit integers, and nesting deeper than the format has. `path` begins
/// the messages. Throws CheckpointError.
SafetensorsHeader parse_safetensors_header(std::string_view json, const std::string& path);

}  // namespace ldm::checkpoint
