#include "ldm/weights/open_weights.h"

#include <ATen/ATen.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>

#include "ldm/checkpoint/error.h"
#include "ldm/weights/sd_keys.h"
#include "tests/support/files.h"
#include "tests/support/paths.h"
#include "tests/weights/weights_test_util.h"

namespace ldm::weights {
namespace {

using ldm::testing::error_of;
using ldm::testing::new_folder;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using testing::Tensors;
using testing::write_tensors;

/// The keys under which tensors of these names are opened.
std::vector<std::string> keys_of(const std::vector<std::string>& names) {
  Tensors tensors;
  for (const std::string& name : names) tensors.emplace_back(name, at::zeros({1}));
  return open_weights(write_tensors(new_folder() + "/x.safetensors", tensors)).names();
}

Tensors part(const Tensors& model, ModelPart wanted) {
  Tensors result;
  for (const auto& [name, tensor] : model) {
    if (part_of(name) == wanted) result.emplace_back(name, tensor);
  }
  return result;
}

Tensors joined(Tensors a, const Tensors& b) {
  a.insert(a.end(), b.begin(), b.end());
  return a;
}

TEST(OpenWeights, LeavesTheReferencesKeysAsTheyAre) {
  const std::string path = ldm::testing::golden_path("nano_bare_f16.ckpt");
  const checkpoint::StateDict state = open_weights(path);
  EXPECT_EQ(state.format(), "pytorch-zip");
  EXPECT_EQ(state.path(), path);
  EXPECT_TRUE(state.contains("cond_stage_model.transformer.text_model.embeddings.position_ids"));
}

TEST(OpenWeights, PutsInTheTextModel) {
  EXPECT_THAT(keys_of({"cond_stage_model.transformer.embeddings.position_ids",
                       "cond_stage_model.transformer.encoder.layers.0.mlp.fc1.bias",
                       "cond_stage_model.transformer.final_layer_norm.weight",
                       "cond_stage_model.transformer.text_projection.weight"}),
              ElementsAre("cond_stage_model.transformer.text_model.embeddings.position_ids",
                          "cond_stage_model.transformer.text_model.encoder.layers.0.mlp.fc1.bias",
                          "cond_stage_model.transformer.text_model.final_layer_norm.weight",
                          "cond_stage_model.transformer.text_projection.weight"));
}

TEST(OpenWeights, SpellsAveragesAsLitEmaDoes) {
  EXPECT_THAT(keys_of({"model_ema.diffusion_model.out.2.bias", "model_ema.model.diffusion_model.out.2.weight",
                       "model_ema.diffusion_modelout0bias", "model_ema.decay", "model_ema.num_updates"}),
              ElementsAre("model_ema.diffusion_modelout2bias", "model_ema.diffusion_modelout2weight",
                          "model_ema.diffusion_modelout0bias", "model_ema.decay", "model_ema.num_updates"));
}

TEST(OpenWeights, TakesOffWhatStandsBeforeAllNames) {
  EXPECT_THAT(keys_of({"state_dict.module.betas", "state_dict.module.diffusion_model.out.2.bias"}),
              ElementsAre("betas", "model.diffusion_model.out.2.bias"));
}

TEST(OpenWeights, KnowsFilesOfOneNetwork) {
  EXPECT_THAT(keys_of({"input_blocks.0.0.weight", "output_blocks.0.0.in_layers.0.bias"}),
              ElementsAre("model.diffusion_model.input_blocks.0.0.weight",
                          "model.diffusion_model.output_blocks.0.0.in_layers.0.bias"));
  EXPECT_THAT(
      keys_of({"decoder.up.0.block.0.norm1.bias", "loss.logvar"}),
      ElementsAre("first_stage_model.decoder.up.0.block.0.norm1.bias", "first_stage_model.loss.logvar"));
  EXPECT_THAT(keys_of({"transformer.text_model.final_layer_norm.bias"}),
              ElementsAre("cond_stage_model.transformer.text_model.final_layer_norm.bias"));
  EXPECT_THAT(keys_of({"text_model.encoder.layers.0.mlp.fc1.bias"}),
              ElementsAre("cond_stage_model.transformer.text_model.encoder.layers.0.mlp.fc1.bias"));
  EXPECT_THAT(keys_of({"encoder.layers.0.mlp.fc1.bias", "embeddings.token_embedding.weight"}),
              ElementsAre("cond_stage_model.transformer.text_model.encoder.layers.0.mlp.fc1.bias",
                          "cond_stage_model.transformer.text_model.embeddings.token_embedding.weight"));
}

TEST(OpenWeights, KnowsAUnetInDiffusersSpelling) {
  EXPECT_THAT(
      keys_of({"conv_in.weight", "down_blocks.0.resnets.0.conv1.bias", "up_blocks.0.resnets.1.norm2.weight"}),
      ElementsAre("model.diffusion_model.input_blocks.0.0.weight",
                  "model.diffusion_model.input_blocks.1.0.in_layers.2.bias",
                  "model.diffusion_model.output_blocks.1.0.out_layers.0.weight"));
}

TEST(OpenWeights, KnowsAVaeInDiffusersOldSpellingAndShape) {
  const at::Tensor weight = at::rand({32, 32});
  const Tensors vae{{"encoder.down_blocks.0.resnets.0.norm1.weight", at::rand({32})},
                    {"encoder.mid_block.attentions.0.query.weight", weight}};
  const auto state = open_weights(write_tensors(new_folder() + "/vae.safetensors", vae));
  const std::string key = "first_stage_model.encoder.mid.attn_1.q.weight";
  ASSERT_TRUE(state.contains(key));
  EXPECT_TRUE(at::equal(state.tensor(key).tensor, weight.view({32, 32, 1, 1})));
}

TEST(OpenWeights, KnowsNetworksOfDiffusersThatShareAFile) {
  EXPECT_THAT(keys_of({"text_encoder.text_model.encoder.layers.0.mlp.fc1.bias",
                       "vae.decoder.up_blocks.0.resnets.0.norm1.bias"}),
              ElementsAre("cond_stage_model.transformer.text_model.encoder.layers.0.mlp.fc1.bias",
                          "first_stage_model.decoder.up.0.block.0.norm1.bias"));
}

TEST(OpenWeights, LeavesOtherModelsAlone) {
  const std::vector<std::string> sdxl{"conv_in.weight", "down_blocks.0.resnets.0.conv1.bias",
                                      "up_blocks.0.resnets.1.norm2.weight", "add_embedding.linear_1.weight"};
  EXPECT_EQ(keys_of(sdxl), sdxl);
  const std::vector<std::string> lora{"lora_unet_down_blocks_0_attentions_0.lora_up.weight"};
  EXPECT_EQ(keys_of(lora), lora);
}

TEST(OpenWeights, RefusesTwoSpellingsOfOneKey) {
  EXPECT_THAT(error_of<checkpoint::CheckpointError>([] {
                keys_of({"model_ema.diffusion_model.out.2.bias", "model_ema.diffusion_modelout2bias"});
              }),
              HasSubstr("'model_ema.diffusion_modelout2bias' twice"));
}

TEST(OpenWeights, TakesAveragesFromAFullFile) {
  const Tensors model = testing::nano_model();
  const Tensors averages = testing::averages_of(model);
  const std::string folder = new_folder();
  const std::string main = write_tensors(folder + "/main.safetensors", model);
  const std::string ema = write_tensors(folder + "/ema.safetensors", joined(model, averages));
  const auto state = open_weights(main, {checkpoint::MmapChoice::automatic, ema});
  testing::expect_same(joined(model, averages), state);
  EXPECT_EQ(state.path(), main);
}

TEST(OpenWeights, TakesAUnetForAverages) {
  const Tensors model = testing::nano_model();
  Tensors expected = model;
  Tensors unet;
  for (const auto& [name, tensor] : part(model, ModelPart::unet)) {
    unet.emplace_back(name, tensor + 1);
    expected.emplace_back(ema_name_of(name), tensor + 1);
  }
  const std::string folder = new_folder();
  // Averages that the first file has itself are not those that were asked for.
  const std::string main =
      write_tensors(folder + "/main.safetensors", joined(model, testing::averages_of(model)));
  const std::string ema = write_tensors(folder + "/ema.safetensors", unet);
  testing::expect_same(expected, open_weights(main, {checkpoint::MmapChoice::automatic, ema}));
}

TEST(OpenWeights, RefusesAveragesFromAFileWithoutAny) {
  const Tensors model = testing::nano_model();
  const std::string folder = new_folder();
  const std::string main = write_tensors(folder + "/main.safetensors", model);
  const std::string vae = write_tensors(folder + "/vae.safetensors", part(model, ModelPart::vae));
  const std::string error = error_of<checkpoint::CheckpointError>([&] {
    open_weights(main, {checkpoint::MmapChoice::automatic, vae});
  });
  EXPECT_THAT(error, HasSubstr("vae.safetensors"));
  EXPECT_THAT(error, HasSubstr("expected averages"));
}

TEST(OpenWeights, SaysWhatAFolderHoldsThatIsNoModel) {
  const std::string folder = new_folder();
  const auto error = [&] { return error_of<checkpoint::CheckpointError>([&] { open_weights(folder); }); };
  EXPECT_THAT(error(), HasSubstr("an empty one"));
  ldm::testing::write_file(folder + "/model.ckpt", "x");
  std::filesystem::create_directory(folder + "/transformer");
  EXPECT_THAT(error(), HasSubstr("model.ckpt, transformer/"));
}

}  // namespace
}  // namespace ldm::weights
