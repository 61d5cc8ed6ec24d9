#include "ldm/weights/sd_keys.h"

#include <gtest/gtest.h>

#include <map>
#include <set>

#include "ldm/modules/ema.h"
#include "tests/weights/weights_test_util.h"

namespace ldm::weights {
namespace {

TEST(SdKeys, CountsThePartsOfTheFullModel) {
  std::map<ModelPart, int> counts;
  for (const auto& [name, sizes] : testing::full_keys()) ++counts[part_of(name)];
  EXPECT_EQ(counts[ModelPart::unet], 686);
  EXPECT_EQ(counts[ModelPart::vae], 248);
  EXPECT_EQ(counts[ModelPart::text_encoder], 197);  // with position_ids
  EXPECT_EQ(counts[ModelPart::schedule], 12);
  EXPECT_EQ(counts[ModelPart::other], 0);
}

TEST(SdKeys, TellsAveragesFromCounters) {
  EXPECT_EQ(part_of("model_ema.decay"), ModelPart::ema);
  EXPECT_FALSE(is_average("model_ema.decay"));
  EXPECT_FALSE(is_average("model_ema.num_updates"));
  EXPECT_TRUE(is_average("model_ema.diffusion_modelout2bias"));
  EXPECT_FALSE(is_average("model.diffusion_model.out.2.bias"));
  EXPECT_EQ(part_of("optimizer.state"), ModelPart::other);
  EXPECT_STREQ(title_of(part_of("cond_stage_model.x")), "text encoder");
}

TEST(SdKeys, NamesAveragesAsLitEmaDoes) {
  for (const auto& [name, sizes] : testing::full_keys()) {
    if (part_of(name) != ModelPart::unet) {
      EXPECT_EQ(ema_name_of(name), "") << name;
    } else {
      EXPECT_EQ(ema_name_of(name), "model_ema." + LitEmaImpl::shadow_name(name.substr(6)));
    }
  }
}

TEST(SdKeys, FindsTheWeightOfEachAverageByItsTwin) {
  std::vector<std::string> names{"model.diffusion_model.a.b_1.c", "model_ema.diffusion_modelab_1c",
                                 "model_ema.decay", "model_ema.diffusion_modelelse"};
  const std::map<std::string, std::string> expected{
      {"model_ema.diffusion_modelab_1c", "model.diffusion_model.a.b_1.c"}};
  EXPECT_EQ(keys_of_averages(names), expected);
}

TEST(SdKeys, FindsTheWeightsOfAveragesThatAreAlone) {
  std::map<std::string, std::string> expected;
  std::vector<std::string> averages;
  for (const auto& [name, sizes] : testing::full_keys()) {
    if (part_of(name) != ModelPart::unet) continue;
    averages.push_back(ema_name_of(name));
    expected.emplace(averages.back(), name);
  }
  EXPECT_EQ(expected.size(), 686u);
  EXPECT_EQ(keys_of_averages(averages), expected);
}

TEST(SdKeys, NamesTheBlocksOfTheUnet) {
  EXPECT_EQ(unet_block_of("model.diffusion_model.input_blocks.11.0.in_layers.0.weight"), "input_blocks.11");
  EXPECT_EQ(unet_block_of("model.diffusion_model.output_blocks.2.1.conv.bias"), "output_blocks.2");
  EXPECT_EQ(unet_block_of("model.diffusion_model.middle_block.1.norm.weight"), "middle_block");
  EXPECT_EQ(unet_block_of("model.diffusion_model.time_embed.0.weight"), "time_embed");
  EXPECT_EQ(unet_block_of("model.diffusion_model.out.2.bias"), "out");
  EXPECT_EQ(unet_block_of("first_stage_model.encoder.conv_in.weight"), "");
  std::set<std::string> blocks;
  for (const auto& [name, sizes] : testing::full_keys()) blocks.insert(unet_block_of(name));
  EXPECT_EQ(blocks.size(), 1u + 12 + 12 + 3);  // "", the numbered ones, and the three without number
}

}  // namespace
}  // namespace ldm::weights
