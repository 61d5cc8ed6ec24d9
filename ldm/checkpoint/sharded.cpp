#include "ldm/checkpoint/sharded.h"

#include <filesystem>
#include <map>
#include <string>
#include <system_error>
#include <unordered_map>
#include <utility>
#include <vector>

#include "ldm/checkpoint/bytes.h"
#include "ldm/checkpoint/error.h"
#include "ldm/checkpoint/open_checkpoint.h"
#include "ldm/checkpoint/shard_index.h"

namespace ldm::checkpoint {
namespace {

namespace fs = std::filesystem;

using Shards = std::map<std::string, StateDict>;  // by file name
using FileOfTensor = std::unordered_map<std::string, std::string>;

[[noreturn]] void fail(const MappedFile& index, const std::string& what) {
  throw CheckpointError("'" + index.path() + "': " + what);
}

void check_shards_exist(const MappedFile& index, const fs::path& folder, const ShardIndex& parsed) {
  constexpr std::size_t kNamed = 10;
  std::map<std::string, bool> exists;
  std::vector<std::string> missing;
  for (const auto& [tensor, name] : parsed.weight_map) {
    const auto [place, added] = exists.emplace(name, true);
    std::error_code ignored;
    if (added && !fs::exists(folder / name, ignored)) missing.push_back(name);
  }
  if (missing.empty()) return;
  std::string names;
  for (std::size_t i = 0; i < missing.size() && i < kNamed; ++i) {
    names += (i > 0 ? ", '" : "'") + printable(missing[i]) + "'";
  }
  if (missing.size() > kNamed) names += ", ...";
  fail(index, "expected all " + std::to_string(exists.size()) +
                  " files that it names beside it, got all but " + std::to_string(missing.size()) +
                  ": download " + names + " too");
}

Shards open_shards(const MappedFile& index, const ShardIndex& parsed, MmapChoice mmap) {
  const fs::path folder = fs::path(index.path()).parent_path();
  check_shards_exist(index, folder, parsed);
  Shards shards;
  for (const auto& [tensor, name] : parsed.weight_map) {
    if (shards.count(name) != 0) continue;
    shards.emplace(name, read_checkpoint(MappedFile::open((folder / name).string(), mmap)));
  }
  return shards;
}

/// What the files hold beyond the index. A tensor that lies in another file than the index says is an error.
std::vector<std::string> remarks_on_surplus(const MappedFile& index, const Shards& shards,
                                            const FileOfTensor& file_of) {
  std::size_t count = 0;
  std::string first;
  for (const auto& [name, shard] : shards) {
    for (const std::string& tensor : shard.names()) {
      const auto found = file_of.find(tensor);
      if (found == file_of.end()) {
        if (count++ == 0) first = tensor;
      } else if (found->second != name) {
        fail(index, "expected tensor '" + printable(tensor) + "' in '" + printable(found->second) +
                        "' only, as the index says, got it in '" + printable(name) + "' too");
      }
    }
  }
  if (count == 0) return {};
  return {"tensors in the files that the index does not list, which are left out: " + std::to_string(count) +
          ", the first of them '" + printable(first) + "'"};
}

}  // namespace

StateDict read_sharded(const MappedFile& index, MmapChoice mmap) {
  if (index.size() > kMaxShardIndex) {
    fail(index, "expected a shard index of at most " + std::to_string(kMaxShardIndex) + " bytes, got " +
                    std::to_string(index.size()));
  }
  ShardIndex parsed = parse_shard_index(ByteView{index.data(), index.size()}.text(), index.path());
  if (parsed.weight_map.empty()) fail(index, "expected tensors in the weight_map, got none");
  const Shards shards = open_shards(index, parsed, mmap);
  FileOfTensor file_of;
  std::vector<TensorAlias> tensors;
  for (const auto& [tensor, name] : parsed.weight_map) {
    const StateDict& shard = shards.at(name);
    if (!shard.contains(tensor)) {
      fail(index, "expected tensor '" + printable(tensor) + "' in '" + printable(name) +
                      "' as the index says, got no such tensor there");
    }
    file_of.emplace(tensor, name);
    tensors.push_back({tensor, shard, tensor, {}});
  }
  std::vector<std::string> remarks = remarks_on_surplus(index, shards, file_of);
  return view_of(index.path(), "sharded " + shards.begin()->second.format(), tensors,
                 std::move(parsed.metadata), std::move(remarks));
}

}  // namespace ldm::checkpoint
