// The module tree's names, against the keys of the reference's state dict.
#include <ATen/ATen.h>
#include <gtest/gtest.h>

#include <fstream>
#include <nlohmann/json.hpp>

#include "ldm/modules/state.h"
#include "ldm/parity/weight_rule.h"
#include "ldm/pipelines/load_model.h"
#include "tests/support/paths.h"

namespace ldm {
namespace {

nlohmann::json full_keys() {
  std::ifstream stream(testing::golden_path("full_keys.json"));
  return nlohmann::json::parse(stream);
}

TEST(FullKeys, ModuleTreeHasTheReferencesKeysShapesAndTypesInOrder) {
  const auto config =
      config::Config::from_file(testing::project_path("configs/stable-diffusion/v1-inference.yaml"));
  const auto model = build_inference_model(config, default_registry());
  const nlohmann::json golden = full_keys();
  const auto entries = state_of(*model);
  ASSERT_EQ(entries.size(), 1143u);
  ASSERT_EQ(golden.at("keys").size(), entries.size());
  for (std::size_t i = 0; i < entries.size(); ++i) {
    const auto& key = golden.at("keys")[i];
    EXPECT_EQ(entries[i].name, key[0].get<std::string>()) << "at place " << i;
    EXPECT_EQ(entries[i].tensor.sizes().vec(), key[1].get<std::vector<std::int64_t>>()) << entries[i].name;
    const std::string dtype = entries[i].tensor.scalar_type() == at::kLong ? "int64" : "float32";
    EXPECT_EQ(dtype, key[2].get<std::string>()) << entries[i].name;
  }
}

TEST(WeightRule, GivesTheProbedSeedsAndValues) {
  const nlohmann::json golden = full_keys();
  ASSERT_GE(golden.at("probes").size(), 10u);
  for (const auto& [key, probe] : golden.at("probes").items()) {
    EXPECT_EQ(std::to_string(parity::rule_seed(key, 0)), probe.at("seed").get<std::string>()) << key;
    const at::Tensor weight =
        parity::rule_tensor(key, probe.at("shape").get<std::vector<std::int64_t>>(), 0).view(-1);
    for (std::int64_t i = 0; i < 4; ++i) {
      EXPECT_EQ(weight[i].item<double>(), probe.at("first4")[static_cast<std::size_t>(i)].get<double>())
          << key;
    }
    EXPECT_EQ(weight[-1].item<double>(), probe.at("last").get<double>()) << key;
  }
}

TEST(FullKeys, BuildingAllocatesNoWeightsAndDrawsNoNumber) {
  at::manual_seed(7);
  const double expected = at::rand({1}).item<double>();
  at::manual_seed(7);
  const auto config =
      config::Config::from_file(testing::project_path("configs/stable-diffusion/v1-inference.yaml"));
  const auto model = build_inference_model(config, default_registry());
  for (const auto& entry : parameters_of(*model)) ASSERT_TRUE(entry.tensor.is_meta()) << entry.name;
  EXPECT_EQ(at::rand({1}).item<double>(), expected);
}

}  // namespace
}  // namespace ldm
