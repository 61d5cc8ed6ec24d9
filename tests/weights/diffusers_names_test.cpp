#include "ldm/weights/diffusers_names.h"

#include <gtest/gtest.h>

#include <set>

#include "ldm/weights/sd_keys.h"
#include "tests/weights/weights_test_util.h"

namespace ldm::weights {
namespace {

using Names = std::vector<std::string>;

/// Every name has one of diffusers', no two the same, and the table made from those gives each name back.
void expect_both_directions(Component component, const Names& names) {
  const NameTable there = NameTable::for_reference_names(component, names);
  Names renamed;
  for (const std::string& name : names) {
    const auto diffusers = there.to_diffusers(name);
    ASSERT_TRUE(diffusers.has_value()) << name;
    renamed.push_back(*diffusers);
    EXPECT_EQ(there.to_reference(*diffusers), name);
  }
  EXPECT_EQ(std::set<std::string>(renamed.begin(), renamed.end()).size(), names.size());
  const NameTable back = NameTable::for_diffusers_names(component, renamed);
  for (std::size_t i = 0; i < names.size(); ++i) EXPECT_EQ(back.to_reference(renamed[i]), names[i]);
}

TEST(DiffusersNames, AllOfV1GoThereAndBack) {
  EXPECT_EQ(testing::full_names(Component::unet).size(), 686u);
  EXPECT_EQ(testing::full_names(Component::vae).size(), 248u);
  EXPECT_EQ(testing::full_names(Component::text_encoder).size(), 197u);
  for (const Component component : kComponents) {
    expect_both_directions(component, testing::full_names(component));
  }
}

TEST(DiffusersNames, ThoseOfASmallModelGoThereAndBack) {
  for (const Component component : kComponents) {
    const std::string prefix(prefix_of(component));
    Names names;
    for (const auto& [name, tensor] : testing::nano_model()) {
      if (name.rfind(prefix, 0) == 0) names.push_back(name.substr(prefix.size()));
    }
    EXPECT_GT(names.size(), 10u);
    expect_both_directions(component, names);
  }
}

struct Pair {
  Component component;
  std::string reference, diffusers;
};

TEST(DiffusersNames, AreDiffusersOwn) {
  const Component unet = Component::unet, vae = Component::vae, text = Component::text_encoder;
  const Pair pairs[] = {
      {unet, "time_embed.2.bias", "time_embedding.linear_2.bias"},
      {unet, "input_blocks.0.0.weight", "conv_in.weight"},
      {unet, "input_blocks.3.0.op.bias", "down_blocks.0.downsamplers.0.conv.bias"},
      {unet, "input_blocks.4.0.skip_connection.weight", "down_blocks.1.resnets.0.conv_shortcut.weight"},
      {unet, "input_blocks.8.1.transformer_blocks.0.attn2.to_out.0.bias",
       "down_blocks.2.attentions.1.transformer_blocks.0.attn2.to_out.0.bias"},
      {unet, "input_blocks.11.0.emb_layers.1.weight", "down_blocks.3.resnets.1.time_emb_proj.weight"},
      {unet, "middle_block.2.out_layers.3.weight", "mid_block.resnets.1.conv2.weight"},
      {unet, "output_blocks.2.1.conv.weight", "up_blocks.0.upsamplers.0.conv.weight"},
      {unet, "output_blocks.5.2.conv.weight", "up_blocks.1.upsamplers.0.conv.weight"},
      {unet, "output_blocks.11.1.proj_in.weight", "up_blocks.3.attentions.2.proj_in.weight"},
      {unet, "out.0.weight", "conv_norm_out.weight"},
      {vae, "encoder.down.1.block.0.nin_shortcut.weight",
       "encoder.down_blocks.1.resnets.0.conv_shortcut.weight"},
      {vae, "encoder.down.2.downsample.conv.bias", "encoder.down_blocks.2.downsamplers.0.conv.bias"},
      {vae, "decoder.up.3.block.2.conv1.weight", "decoder.up_blocks.0.resnets.2.conv1.weight"},
      {vae, "decoder.up.1.upsample.conv.weight", "decoder.up_blocks.2.upsamplers.0.conv.weight"},
      {vae, "decoder.mid.attn_1.proj_out.weight", "decoder.mid_block.attentions.0.to_out.0.weight"},
      {vae, "decoder.norm_out.bias", "decoder.conv_norm_out.bias"},
      {vae, "post_quant_conv.weight", "post_quant_conv.weight"},
      {text, "transformer.text_model.final_layer_norm.bias", "text_model.final_layer_norm.bias"}};
  for (const Pair& pair : pairs) {
    const NameTable table =
        NameTable::for_reference_names(pair.component, testing::full_names(pair.component));
    EXPECT_EQ(table.to_diffusers(pair.reference), pair.diffusers);
    EXPECT_EQ(table.to_reference(pair.diffusers), pair.reference);
  }
}

TEST(DiffusersNames, OtherSpellingsAreRead) {
  const NameTable vae = NameTable::for_reference_names(Component::vae, testing::full_names(Component::vae));
  EXPECT_EQ(vae.to_reference("encoder.mid_block.attentions.0.query.weight"), "encoder.mid.attn_1.q.weight");
  EXPECT_EQ(vae.to_reference("decoder.mid_block.attentions.0.proj_attn.bias"),
            "decoder.mid.attn_1.proj_out.bias");
  const NameTable text = NameTable::for_diffusers_names(Component::text_encoder, {});
  EXPECT_EQ(text.to_reference("encoder.layers.3.mlp.fc1.bias"),
            "transformer.text_model.encoder.layers.3.mlp.fc1.bias");
  EXPECT_EQ(text.to_reference("embeddings.position_ids"), "transformer.text_model.embeddings.position_ids");
}

TEST(DiffusersNames, WhatTheNetworkDoesNotHaveHasNoName) {
  const NameTable unet =
      NameTable::for_reference_names(Component::unet, testing::full_names(Component::unet));
  EXPECT_EQ(unet.to_reference("add_embedding.linear_1.weight"), std::nullopt);
  EXPECT_EQ(unet.to_reference("down_blocks.4.resnets.0.conv1.weight"), std::nullopt);
  EXPECT_EQ(unet.to_diffusers("label_emb.0.0.weight"), std::nullopt);
  EXPECT_EQ(unet.to_diffusers("input_blocks.12.0.in_layers.0.weight"), std::nullopt);
  EXPECT_EQ(unet.to_diffusers("output_blocks.1.1.norm.weight"), std::nullopt);  // no attention there
}

TEST(DiffusersNames, NumbersBeyondSenseMakeNoTable) {
  const Names names{"input_blocks.99999999999999999999.0.op.weight", "input_blocks.100.0.op.weight"};
  EXPECT_EQ(NameTable::for_reference_names(Component::unet, names).to_diffusers(names[1]), std::nullopt);
}

TEST(DiffusersNames, OnlyTheVaesAttentionChangesItsShape) {
  using Sizes = std::vector<std::int64_t>;
  const Sizes linear{512, 512}, pointwise{512, 512, 1, 1};
  for (const char* part : {"q", "k", "v", "proj_out"}) {
    const std::string name = "encoder.mid.attn_1." + std::string(part) + ".weight";
    EXPECT_EQ(shape_in_diffusers(Component::vae, name, pointwise), linear);
    EXPECT_EQ(shape_in_reference(Component::vae, name, linear), pointwise);
    EXPECT_EQ(shape_in_reference(Component::vae, name, pointwise), pointwise);  // old files have it already
  }
  const Sizes bias{512};
  EXPECT_EQ(shape_in_reference(Component::vae, "encoder.mid.attn_1.norm.weight", bias), bias);
  EXPECT_EQ(shape_in_diffusers(Component::vae, "quant_conv.weight", {8, 8, 1, 1}), (Sizes{8, 8, 1, 1}));
  EXPECT_EQ(shape_in_reference(Component::unet, "middle_block.1.proj_in.weight", linear), linear);
}

}  // namespace
}  // namespace ldm::weights
