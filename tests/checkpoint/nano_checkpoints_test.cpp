#include <ATen/ATen.h>
#include <gtest/gtest.h>

#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "ldm/checkpoint/error.h"
#include "ldm/checkpoint/open_checkpoint.h"
#include "tests/checkpoint/checkpoint_test_util.h"
#include "tests/support/paths.h"

namespace ldm::checkpoint {
namespace {

using ldm::testing::golden_path;
using ldm::testing::shared_golden_path;
using nlohmann::json;

json read_json(const std::string& path) {
  return json::parse(testing::read_file(path));
}

/// Every probed tensor has the shape, type, first values and sum that Python found in the same file.
void expect_probe(const StateDict& state_dict) {
  const json probe = read_json(golden_path("nano_probe.json"));
  EXPECT_EQ(state_dict.names().size(), probe["n_keys"].get<std::size_t>());
  for (const auto& [name, expected] : probe["probe"].items()) {
    const LoadedTensor loaded = state_dict.tensor(name);
    EXPECT_EQ(loaded.tensor.sizes().vec(), expected["shape"].get<std::vector<std::int64_t>>()) << name;
    EXPECT_EQ(loaded.tensor.scalar_type(), expected["dtype"] == "float16" ? at::kHalf : at::kFloat) << name;
    const at::Tensor values = loaded.tensor.to(at::kDouble).flatten();
    for (std::int64_t i = 0; i < 3; ++i) {
      EXPECT_EQ(values[i].item<double>(), expected["first"][static_cast<std::size_t>(i)].get<double>())
          << name;
    }
    EXPECT_NEAR(values.sum().item<double>(), expected["sum"].get<double>(), 1e-9) << name;
  }
}

void expect_same_tensors(const StateDict& a, const StateDict& b) {
  ASSERT_EQ(a.names().size(), b.names().size());
  for (const std::string& name : a.names()) {
    EXPECT_EQ(a.info(name).dtype, b.info(name).dtype) << name;
    EXPECT_TRUE(at::equal(a.tensor(name).tensor, b.tensor(name).tensor)) << name;
  }
}

TEST(NanoCheckpoints, EmaOnlyHasTheValuesThatPythonReads) {
  const StateDict state_dict = open_checkpoint(golden_path("nano_ema_only_f16.ckpt"));
  EXPECT_EQ(state_dict.format(), "pytorch-zip");
  EXPECT_EQ(state_dict.path(), golden_path("nano_ema_only_f16.ckpt"));
  expect_probe(state_dict);
}

TEST(NanoCheckpoints, NoTensorOfTheZipFilesNeedsACopy) {
  for (const char* file : {"nano_ema_only_f16.ckpt", "nano_bare_f16.ckpt"}) {
    const StateDict state_dict = open_checkpoint(golden_path(file));
    for (const std::string& name : state_dict.names()) EXPECT_EQ(state_dict.tensor(name).copied, "") << name;
  }
}

TEST(NanoCheckpoints, ScalarsAtTheTopLevelAreMetadata) {
  const auto metadata = open_checkpoint(golden_path("nano_ema_only_f16.ckpt")).metadata();
  EXPECT_EQ(metadata.count("state_dict"), 0u);
  ASSERT_EQ(metadata.count("global_step"), 1u);
  EXPECT_GT(std::stoll(metadata.at("global_step")), 0);
  EXPECT_EQ(metadata.count("pytorch-lightning_version"), 1u);
}

TEST(NanoCheckpoints, BareFileHasNoStateDictLevelAndOnlyHalfFloats) {
  const StateDict state_dict = open_checkpoint(golden_path("nano_bare_f16.ckpt"));
  EXPECT_EQ(state_dict.names().size(), 665u);
  EXPECT_EQ(state_dict.names().front(), "betas");
  EXPECT_EQ(state_dict.info("betas").dtype, c10::ScalarType::Half);
  EXPECT_TRUE(state_dict.metadata().empty());
}

TEST(NanoCheckpoints, TransposedViewKeepsItsStridesAndValues) {
  const std::string name = "model.diffusion_model.time_embed.2.weight";
  const StateDict bare = open_checkpoint(golden_path("nano_bare_f16.ckpt"));
  const StateDict plain = open_checkpoint(golden_path("nano_ema_only_f16.ckpt"));
  const TensorInfo& info = bare.info(name);
  ASSERT_EQ(info.strides.size(), 2u);
  EXPECT_EQ(info.strides[0], 1);
  EXPECT_EQ(info.strides[1], info.sizes[0]);
  EXPECT_FALSE(bare.tensor(name).tensor.is_contiguous());
  EXPECT_TRUE(at::equal(bare.tensor(name).tensor, plain.tensor(name).tensor));
}

TEST(NanoCheckpoints, SharedStorageGivesNeighboursInOneMapping) {
  const std::string first = "model.diffusion_model.time_embed.0.bias";
  const std::string second = "model.diffusion_model.time_embed.2.bias";
  const StateDict bare = open_checkpoint(golden_path("nano_bare_f16.ckpt"));
  const StateDict plain = open_checkpoint(golden_path("nano_ema_only_f16.ckpt"));
  EXPECT_EQ(bare.info(second).offset - bare.info(first).offset, bare.info(first).nbytes());
  const auto* begin = static_cast<const char*>(bare.tensor(first).tensor.const_data_ptr());
  EXPECT_EQ(bare.tensor(second).tensor.const_data_ptr(), begin + bare.info(first).nbytes());
  for (const std::string& name : {first, second}) {
    EXPECT_TRUE(at::equal(bare.tensor(name).tensor, plain.tensor(name).tensor)) << name;
  }
}

TEST(NanoCheckpoints, SafetensorsFileHoldsTheSameTensors) {
  const std::string path = shared_golden_path("nano_ema_only_f16.safetensors");
  if (path.empty()) GTEST_SKIP() << "the larger collection of goldens is not here";
  const StateDict state_dict = open_checkpoint(path);
  EXPECT_EQ(state_dict.format(), "safetensors");
  expect_probe(state_dict);
  expect_same_tensors(open_checkpoint(golden_path("nano_ema_only_f16.ckpt")), state_dict);
}

TEST(NanoCheckpoints, TrainingCheckpointGivesItsStateDictAndNoOptimizerState) {
  const std::string path = shared_golden_path("nano_full_ema_f32.ckpt");
  if (path.empty()) GTEST_SKIP() << "the larger collection of goldens is not here";
  const StateDict state_dict = open_checkpoint(path);
  EXPECT_EQ(testing::error_of(path), "");
  const std::string weight = "model.diffusion_model.time_embed.0.weight";
  const std::string twin = "model_ema.diffusion_modeltime_embed0weight";
  ASSERT_TRUE(state_dict.contains(weight));
  ASSERT_TRUE(state_dict.contains(twin));
  EXPECT_FALSE(at::equal(state_dict.tensor(weight).tensor, state_dict.tensor(twin).tensor));
  EXPECT_EQ(state_dict.info(weight).dtype, c10::ScalarType::Float);
  for (const std::string& name : state_dict.names()) EXPECT_EQ(name.find("exp_avg"), std::string::npos);
  EXPECT_EQ(state_dict.metadata().count("epoch"), 1u);
}

TEST(NanoCheckpoints, LegacyFileHoldsTheSameTensors) {
  const std::string path = shared_golden_path("nano_legacy_f16.ckpt");
  if (path.empty()) GTEST_SKIP() << "the larger collection of goldens is not here";
  const StateDict state_dict = open_checkpoint(path);
  EXPECT_EQ(state_dict.format(), "pytorch-legacy");
  expect_probe(state_dict);
  const StateDict plain = open_checkpoint(golden_path("nano_ema_only_f16.ckpt"));
  EXPECT_EQ(state_dict.names(), plain.names());
  expect_same_tensors(plain, state_dict);
  EXPECT_EQ(state_dict.metadata().at("global_step"), plain.metadata().at("global_step"));
}

}  // namespace
}  // namespace ldm::checkpoint
