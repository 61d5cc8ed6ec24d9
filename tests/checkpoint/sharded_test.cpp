#include "ldm/checkpoint/sharded.h"

#include <ATen/ATen.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <string>
#include <vector>

#include "ldm/checkpoint/error.h"
#include "ldm/checkpoint/open_checkpoint.h"
#include "ldm/checkpoint/shard_index.h"
#include "tests/checkpoint/checkpoint_test_util.h"
#include "tests/support/paths.h"

namespace ldm::checkpoint {
namespace {

using testing::error_of;
using testing::source_of;
using testing::write_file;

/// Two files and an index in a folder of their own.
class ShardedTest : public ::testing::Test {
 protected:
  void SetUp() override {
    std::filesystem::remove_all(folder_);
    std::filesystem::create_directory(folder_);
    write_safetensors(folder_ + "/m-1.safetensors", {source_of("a", at::arange(3, at::kFloat))}, {});
    write_safetensors(folder_ + "/m-2.safetensors",
                      {source_of("b", at::ones({2}, at::kHalf)), source_of("c", at::zeros({1}, at::kLong))},
                      {});
  }
  std::string index(const std::string& weight_map,
                    const std::string& metadata = R"({"total_size": 24})") const {
    return write_file("shards/m.safetensors.index.json",
                      "{\n  \"metadata\": " + metadata + ",\n  \"weight_map\": {" + weight_map + "}\n}\n");
  }
  static void expect_says(const std::string& path, const std::string& part) {
    const std::string error = error_of(path);
    EXPECT_NE(error.find(part), std::string::npos) << "expected '" << part << "' in: " << error;
    EXPECT_NE(error.find(path), std::string::npos) << error;
  }

  std::string folder_ = ldm::testing::temp_dir() + "/shards";
};

const std::string kMap = R"("b": "m-2.safetensors", "a": "m-1.safetensors", "c": "m-2.safetensors")";

TEST_F(ShardedTest, TensorsOfAllFilesComeInTheOrderOfTheIndex) {
  const std::string path = index(kMap);
  const StateDict state_dict = open_checkpoint(path);
  EXPECT_EQ(state_dict.names(), (std::vector<std::string>{"b", "a", "c"}));
  EXPECT_EQ(state_dict.format(), "sharded safetensors");
  EXPECT_EQ(state_dict.path(), path);
  EXPECT_EQ(state_dict.metadata().at("total_size"), "24");
  EXPECT_TRUE(at::equal(state_dict.tensor("a").tensor, at::arange(3, at::kFloat)));
  EXPECT_EQ(state_dict.tensor("b").tensor.scalar_type(), at::kHalf);
  EXPECT_TRUE(state_dict.notes().remarks.empty());
}

TEST_F(ShardedTest, FilesOfTorchAreReadToo) {
  write_ckpt(folder_ + "/pytorch_model-1.bin", {source_of("a", at::ones({4}))}, 0);
  const StateDict state_dict = open_checkpoint(index(R"("a": "pytorch_model-1.bin")"));
  EXPECT_EQ(state_dict.format(), "sharded pytorch-zip");
  EXPECT_EQ(state_dict.tensor("a").tensor.sum().item<float>(), 4.0f);
  EXPECT_FALSE(state_dict.checks().empty());
}

TEST_F(ShardedTest, MissingFilesAreNamed) {
  const std::string path = index(kMap + R"(, "d": "m-3.safetensors", "e": "m-4.safetensors")");
  expect_says(path, "got all but 2: download 'm-3.safetensors', 'm-4.safetensors' too");
}

TEST_F(ShardedTest, ATensorMustLieWhereTheIndexSays) {
  expect_says(index(R"("a": "m-1.safetensors", "x": "m-2.safetensors")"),
              "tensor 'x' in 'm-2.safetensors' as the index says, got no such tensor there");
  write_safetensors(folder_ + "/m-1.safetensors",
                    {source_of("a", at::ones({1})), source_of("b", at::ones({1}))}, {});
  expect_says(index(kMap),
              "tensor 'b' in 'm-2.safetensors' only, as the index says, got it in 'm-1.safetensors'");
}

TEST_F(ShardedTest, TensorsThatTheIndexDoesNotListAreLeftOutWithARemark) {
  const StateDict state_dict = open_checkpoint(index(R"("a": "m-1.safetensors", "c": "m-2.safetensors")"));
  EXPECT_EQ(state_dict.names(), (std::vector<std::string>{"a", "c"}));
  ASSERT_EQ(state_dict.notes().remarks.size(), 1u);
  EXPECT_NE(state_dict.notes().remarks[0].find("left out: 1, the first of them 'b'"), std::string::npos)
      << state_dict.notes().remarks[0];
}

TEST_F(ShardedTest, ADamagedFileIsNamed) {
  const std::string whole = testing::read_file(folder_ + "/m-2.safetensors");
  write_file("shards/m-2.safetensors", whole.substr(0, whole.size() - 3));
  const std::string error = error_of(index(kMap));
  EXPECT_NE(error.find("m-2.safetensors': "), std::string::npos) << error;
  EXPECT_NE(error.find("3 bytes are missing"), std::string::npos) << error;
}

TEST_F(ShardedTest, NoFileOutsideTheFolderIsOpened) {
  write_safetensors(ldm::testing::temp_dir() + "/outside.safetensors", {source_of("a", at::ones({1}))}, {});
  for (const std::string name :
       {"../outside.safetensors", "/etc/passwd", "..", ".", "", "shards/m-1.safetensors",
        "..\\\\outside.safetensors", "m-1.safetensors\\u0000"}) {
    expect_says(index("\"a\": \"" + name + "\""), "not the plain name of a file in the same folder");
  }
}

TEST_F(ShardedTest, AnIndexOfIndexesIsRefused) {
  const std::string inner = index(kMap);
  const std::string outer =
      write_file("shards/outer.json", R"({"weight_map": {"a": "m.safetensors.index.json"}})");
  const std::string error = error_of(outer);
  EXPECT_NE(error.find("expected a file of tensors, got an index"), std::string::npos) << error;
  EXPECT_NE(error.find(inner), std::string::npos) << error;
}

TEST_F(ShardedTest, MetadataMayHoldAnything) {
  const StateDict state_dict =
      open_checkpoint(index(R"("a": "m-1.safetensors")",
                            R"({"total_size": 12.5, "n": -1, "t": "x", "b": true, "deep": {"k": [1]}})"));
  EXPECT_EQ(state_dict.metadata(), (std::map<std::string, std::string>{
                                       {"b", "true"}, {"n", "-1"}, {"t", "x"}, {"total_size", "12.5"}}));
}

TEST_F(ShardedTest, HostileIndexesAreRefused) {
  struct Bad {
    std::string json;
    const char* says;
  };
  std::string many;
  for (int i = 0; i < 1001; ++i) {
    many += (i > 0 ? ",\"t" : "\"t") + std::to_string(i) + "\": \"f" + std::to_string(i) + "\"";
  }
  const std::vector<Bad> table = {
      {R"({"weight_map": {"a": "m-1.safetensors", "a": "m-2.safetensors"}})", "field 'a' twice"},
      {R"({"weight_map": {"a": "f"}, "weight_map": {"b": "f"}})", "that key twice"},
      {R"({"weight_map": {}})", "tensors in the weight_map, got none"},
      {R"({"weight_map": 3})", "expected a weight_map"},
      {R"({"metadata": {"weight_map": "x"}})", "expected a weight_map"},
      {R"({"weight_map": ["a"]})", "an array"},
      {R"({"weight_map": {"a": 1}})", "got 1"},
      {R"({"weight_map": {"a": null}})", "got null"},
      {R"({"weight_map": {"a": {"f": "g"}}})", "an object or an array"},
      {R"({"weight_map": {"a": ["f"]}})", "an object or an array"},
      {R"({"metadata": [[[[[[[[[1]]]]]]]]], "weight_map": {"a": "f"}})", "at most 8 levels"},
      {R"({"weight_map": {"a": "f"}} x)", "expected JSON"},
      {R"({"weight_map": {"a": "f")", "expected JSON"},
      {"{\"weight_map\": {\"a\": \"\xff\"}}", "expected JSON"},
      {"{\"weight_map\": {" + many + "}}", "more than 1000 files"},
      {"{\"weight_map\": {\"a\": \"" + std::string(256, 'x') + "\"}}", "not the plain name"},
      {"{\"weight_map\": " + std::string(kMaxShardIndex, ' ') + "{}}", "a shard index of at most"},
  };
  for (const Bad& bad : table) expect_says(write_file("shards/bad.json", bad.json), bad.says);
}

TEST_F(ShardedTest, AnIndexInMemoryOpensNoFiles) {
  const std::string json = R"({"weight_map": {"a": "m-1.safetensors"}})";
  try {
    read_checkpoint(MappedFile::from_bytes(json, folder_ + "/memory"));
    FAIL() << "expected a CheckpointError";
  } catch (const CheckpointError& error) {
    EXPECT_NE(std::string(error.what()).find("got an index of other files"), std::string::npos)
        << error.what();
  }
}

TEST_F(ShardedTest, EveryByteOfAnIndexChangedLoadsOrIsRefused) {
  const std::string path = index(kMap);
  const std::string whole = testing::read_file(path);
  std::size_t refused = 0;
  for (std::size_t at = 0; at < whole.size(); ++at) {
    for (const int mask : {0x01, 0x02, 0x80, 0xff}) {
      std::string damaged = whole;
      damaged[at] = static_cast<char>(damaged[at] ^ mask);
      write_file("shards/damaged.json", damaged);
      ASSERT_NO_THROW(refused += error_of(folder_ + "/damaged.json").empty() ? 0 : 1)
          << at << " mask " << mask;
    }
  }
  EXPECT_GT(refused, 300u);
}

}  // namespace
}  // namespace ldm::checkpoint
