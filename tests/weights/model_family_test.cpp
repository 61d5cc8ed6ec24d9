#include "ldm/weights/model_family.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>

#include "ldm/weights/open_weights.h"
#include "ldm/weights/sd_keys.h"
#include "tests/support/paths.h"
#include "tests/weights/weights_test_util.h"

namespace ldm::weights {
namespace {

using ::testing::HasSubstr;
using testing::KeyList;

ModelFamily family_of(const KeyList& keys) {
  return recognise(testing::state_of_keys(keys));
}

std::string name_of(const KeyList& keys) {
  return family_of(keys).name;
}

KeyList without(ModelPart part, const KeyList& keys) {
  KeyList result;
  for (const auto& key : keys) {
    if (part_of(key.first) != part) result.push_back(key);
  }
  return result;
}

KeyList only(ModelPart part, const KeyList& keys) {
  KeyList result;
  for (const auto& key : keys) {
    if (part_of(key.first) == part) result.push_back(key);
  }
  return result;
}

/// v1 with another number of channels into its UNet.
KeyList with_channels(std::int64_t channels) {
  KeyList keys = testing::full_keys();
  for (auto& [name, sizes] : keys) {
    if (name == "model.diffusion_model.input_blocks.0.0.weight") sizes[1] = channels;
  }
  return keys;
}

/// A UNet of v1's names with another width of its cross-attention.
KeyList with_context(std::int64_t context) {
  KeyList keys = only(ModelPart::unet, testing::full_keys());
  for (auto& [name, sizes] : keys) {
    if (name.find("attn2.to_k") != std::string::npos) sizes[1] = context;
  }
  return keys;
}

TEST(ModelFamily, V1FitsItsConfig) {
  const ModelFamily family = family_of(testing::full_keys());
  EXPECT_EQ(family.name, "Stable Diffusion v1");
  EXPECT_TRUE(family.fits_v1);
  EXPECT_TRUE(std::filesystem::exists(ldm::testing::project_path(family.config)));
  EXPECT_EQ(family.advice, "");
}

TEST(ModelFamily, V1OfAveragesAloneSaysSo) {
  KeyList keys = testing::full_keys();
  for (auto& [name, sizes] : keys) {
    if (part_of(name) == ModelPart::unet) name = ema_name_of(name);
  }
  const ModelFamily family = family_of(keys);
  EXPECT_EQ(family.name, "Stable Diffusion v1");
  EXPECT_TRUE(family.fits_v1);
  EXPECT_THAT(family.advice, HasSubstr("averages only"));
}

TEST(ModelFamily, V1sRelativesAreToldByTheirChannels) {
  EXPECT_EQ(name_of(with_channels(9)), "Stable Diffusion v1 inpainting");
  EXPECT_FALSE(family_of(with_channels(9)).fits_v1);
  EXPECT_EQ(name_of(with_channels(8)), "InstructPix2Pix (Stable Diffusion v1)");
  EXPECT_FALSE(family_of(with_channels(8)).fits_v1);
  EXPECT_EQ(name_of(with_channels(3)), "a latent diffusion model of another kind");
}

TEST(ModelFamily, SmallerModelsOfV1sStructureNeedTheirConfig) {
  const ModelFamily family = recognise(open_weights(ldm::testing::golden_path("nano_ema_only_f16.ckpt")));
  EXPECT_EQ(family.name, "a model of Stable Diffusion v1's structure, smaller");
  EXPECT_TRUE(family.fits_v1);
  EXPECT_EQ(family.config, "");
}

TEST(ModelFamily, MissingPartsAreNamed) {
  const ModelFamily family = family_of(without(ModelPart::vae, testing::full_keys()));
  EXPECT_EQ(family.name, "Stable Diffusion v1 without its VAE");
  EXPECT_FALSE(family.fits_v1);
  EXPECT_EQ(name_of(only(ModelPart::unet, testing::full_keys())),
            "Stable Diffusion v1 without its text encoder and VAE");
}

TEST(ModelFamily, PartsByThemselves) {
  EXPECT_EQ(name_of(only(ModelPart::vae, testing::full_keys())), "a bare VAE");
  KeyList sixteen = only(ModelPart::vae, testing::full_keys());
  for (auto& [name, sizes] : sixteen) {
    if (name == "first_stage_model.decoder.conv_in.weight") sizes[1] = 16;
  }
  EXPECT_EQ(name_of(sixteen), "a bare VAE with 16 latent channels");
  EXPECT_EQ(name_of(only(ModelPart::text_encoder, testing::full_keys())), "a bare text encoder");
}

TEST(ModelFamily, LargerModels) {
  EXPECT_EQ(name_of({{"model.diffusion_model.input_blocks.0.0.weight", {320, 4, 3, 3}},
                     {"cond_stage_model.model.transformer.resblocks.0.ln_1.weight", {1024}}}),
            "Stable Diffusion 2");
  EXPECT_EQ(name_of(with_context(1024)), "Stable Diffusion 2");
  EXPECT_EQ(name_of(with_context(2048)), "SDXL base");
  EXPECT_EQ(name_of(with_context(1280)), "SDXL refiner");
  EXPECT_EQ(name_of({{"conditioner.embedders.0.transformer.text_model.final_layer_norm.bias", {768}},
                     {"conditioner.embedders.1.model.ln_final.bias", {1280}},
                     {"model.diffusion_model.label_emb.0.0.weight", {1280, 2816}}}),
            "SDXL base");
  EXPECT_EQ(name_of({{"conditioner.embedders.0.model.ln_final.bias", {1280}},
                     {"model.diffusion_model.label_emb.0.0.weight", {1536, 2560}}}),
            "SDXL refiner");
  EXPECT_EQ(
      name_of({{"unet.add_embedding.linear_1.weight", {1280, 2816}},
               {"unet.down_blocks.1.attentions.0.transformer_blocks.0.attn2.to_k.weight", {640, 2048}}}),
      "SDXL base");
}

TEST(ModelFamily, TransformersThatDenoise) {
  const char* sd3 = "model.diffusion_model.joint_blocks.0.x_block.attn.qkv.weight";
  EXPECT_EQ(name_of({{sd3, {4608, 1536}}}), "Stable Diffusion 3");
  EXPECT_EQ(name_of({{"double_blocks.0.img_attn.qkv.weight", {9216, 3072}}}), "Flux");
  EXPECT_EQ(name_of({{"single_transformer_blocks.0.attn.to_q.weight", {3072, 3072}},
                     {"transformer_blocks.0.attn.add_k_proj.weight", {3072, 3072}}}),
            "Flux");
  EXPECT_EQ(name_of({{"adaln_single.linear.weight", {6912, 1152}}}), "PixArt");
}

TEST(ModelFamily, AddOns) {
  EXPECT_EQ(name_of({{"lora_te_text_model_encoder_layers_0_mlp_fc1.lora_down.weight", {4, 768}}}),
            "a LoRA (kohya's names)");
  EXPECT_EQ(name_of({{"unet.down_blocks.0.attentions.0.proj_in.lora_A.weight", {4, 320}}}),
            "a LoRA (diffusers' names)");
  EXPECT_EQ(name_of({{"unet.mid_block.attentions.0.attn1.processor.to_q_lora.down.weight", {4, 320}}}),
            "a LoRA (diffusers' names)");
  EXPECT_EQ(name_of({{"emb_params", {4, 768}}}), "a textual inversion");
  EXPECT_EQ(name_of({{"<cat-toy>", {768}}}), "a textual inversion");
  EXPECT_EQ(name_of({{"control_model.zero_convs.0.0.weight", {320, 320, 1, 1}}}), "a ControlNet");
  EXPECT_EQ(name_of({{"controlnet_cond_embedding.conv_in.weight", {16, 3, 3, 3}}}), "a ControlNet");
  EXPECT_EQ(name_of({{"768.0.linear.0.weight", {1536, 768}}, {"320.0.linear.0.weight", {640, 320}}}),
            "a hypernetwork");
}

TEST(ModelFamily, ThingsThatAreNoImageModel) {
  EXPECT_EQ(name_of({{"state.0.exp_avg", {320}}}), "the state of an optimizer");
  EXPECT_EQ(
      name_of({{"model.layers.0.self_attn.q_proj.weight", {4096, 4096}}, {"lm_head.weight", {32000, 4096}}}),
      "a language model");
  EXPECT_EQ(name_of({{"something.else", {3}}}), "no model that is known here");
}

TEST(ModelFamily, WhatDoesNotFitComesWithAdvice) {
  for (const KeyList& keys :
       {KeyList{{"lora_unet_x", {1}}}, KeyList{{"something.else", {3}}}, with_channels(9), with_context(2048),
        only(ModelPart::vae, testing::full_keys())}) {
    const ModelFamily family = family_of(keys);
    EXPECT_FALSE(family.fits_v1) << family.name;
    EXPECT_EQ(family.config, "") << family.name;
    EXPECT_NE(family.advice, "") << family.name;
  }
}

}  // namespace
}  // namespace ldm::weights
