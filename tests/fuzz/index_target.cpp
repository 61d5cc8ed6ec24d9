#include <string>
#include <unordered_set>

#include "ldm/checkpoint/error.h"
#include "ldm/checkpoint/shard_index.h"
#include "tests/fuzz/require.h"
#include "tests/fuzz/targets.h"

namespace ldm::fuzz {

void fuzz_index(std::string_view input) {
  checkpoint::is_shard_index(input);
  try {
    const checkpoint::ShardIndex index = checkpoint::parse_shard_index(input, "input");
    std::unordered_set<std::string> names;
    for (const auto& [tensor, file] : index.weight_map) {
      require(names.insert(tensor).second, "each tensor is listed once");
      require(!file.empty() && file != "." && file != "..", "a file has a name");
      require(file.find_first_of(std::string("/\\\0", 3)) == std::string::npos,
              "a file lies beside the index");
    }
  } catch (const checkpoint::CheckpointError&) {
  }
}

}  // namespace ldm::fuzz
