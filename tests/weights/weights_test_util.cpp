#include "tests/weights/weights_test_util.h"

#include <ATen/ATen.h>
#include <gtest/gtest.h>

#include <fstream>
#include <nlohmann/json.hpp>

#include "ldm/checkpoint/mapped_file.h"
#include "ldm/checkpoint/open_checkpoint.h"
#include "ldm/checkpoint/state_dict_parts.h"
#include "ldm/checkpoint/tensor_view.h"
#include "ldm/weights/sd_keys.h"
#include "tests/support/paths.h"

namespace ldm::weights::testing {

KeyList full_keys() {
  std::ifstream stream(ldm::testing::golden_path("full_keys.json"));
  const nlohmann::json golden = nlohmann::json::parse(stream);
  KeyList keys;
  for (const auto& key : golden.at("keys")) {
    keys.emplace_back(key[0].get<std::string>(), key[1].get<std::vector<std::int64_t>>());
  }
  return keys;
}

std::vector<std::string> full_names(Component component) {
  const std::string prefix(prefix_of(component));
  std::vector<std::string> names;
  for (const auto& [name, sizes] : full_keys()) {
    if (name.rfind(prefix, 0) == 0) names.push_back(name.substr(prefix.size()));
  }
  return names;
}

checkpoint::StateDict state_of_keys(const KeyList& keys) {
  checkpoint::StateDictParts parts;
  parts.file = checkpoint::MappedFile::from_bytes("x", "keys");
  parts.format = "safetensors";
  for (const auto& [name, sizes] : keys) {
    parts.names.push_back(name);
    parts.infos.push_back({at::kFloat, sizes, checkpoint::contiguous_strides(sizes), 0, false});
  }
  return checkpoint::make_state_dict(std::move(parts));
}

Tensors tensors_of(const checkpoint::StateDict& state) {
  Tensors tensors;
  for (const std::string& name : state.names()) tensors.emplace_back(name, state.tensor(name).tensor.clone());
  return tensors;
}

std::vector<checkpoint::NamedTensorSource> sources_of(const Tensors& tensors) {
  std::vector<checkpoint::NamedTensorSource> sources;
  for (const auto& [name, tensor] : tensors) {
    sources.push_back({name, tensor.scalar_type(), tensor.sizes().vec(), [kept = tensor] { return kept; }});
  }
  return sources;
}

std::string write_tensors(const std::string& path, const Tensors& tensors) {
  checkpoint::write_safetensors(path, sources_of(tensors));
  return path;
}

Tensors nano_model() {
  const std::string path = ldm::testing::golden_path("nano_bare_f16.ckpt");
  Tensors model;
  for (auto& [name, tensor] : tensors_of(checkpoint::open_checkpoint(path))) {
    if (part_of(name) != ModelPart::ema) model.emplace_back(name, tensor);
  }
  return model;
}

Tensors averages_of(const Tensors& model) {
  Tensors averages{{"model_ema.decay", at::scalar_tensor(0.9999, at::kFloat)},
                   {"model_ema.num_updates", at::scalar_tensor(470000, at::kInt)}};
  for (const auto& [name, tensor] : model) {
    if (part_of(name) == ModelPart::unet) averages.emplace_back(ema_name_of(name), tensor * 0.5 + 1);
  }
  return averages;
}

void expect_same(const Tensors& expected, const checkpoint::StateDict& state) {
  EXPECT_EQ(state.names().size(), expected.size());
  for (const auto& [name, tensor] : expected) {
    ASSERT_TRUE(state.contains(name)) << name;
    const at::Tensor loaded = state.tensor(name).tensor;
    EXPECT_EQ(loaded.scalar_type(), tensor.scalar_type()) << name;
    EXPECT_TRUE(at::equal(loaded, tensor)) << name;
  }
}

}  // namespace ldm::weights::testing
