#include "ldm/modules/ema.h"

#include <ATen/ATen.h>
#include <gtest/gtest.h>

#include "ldm/modules/layers.h"

namespace ldm {
namespace {

TEST(LitEma, DecayOutsideZeroToOneIsRefused) {
  Linear layer(2, 2);
  EXPECT_THROW(LitEma(*layer, 1.5), std::invalid_argument);
  EXPECT_THROW(LitEma(*layer, -0.1), std::invalid_argument);
}

TEST(LitEma, ShadowNamesHaveNoDots) {
  EXPECT_EQ(LitEmaImpl::shadow_name("diffusion_model.out.0.weight"), "diffusion_modelout0weight");
}

TEST(LitEma, FirstUpdateUsesTheWarmedUpDecay) {
  Linear layer(1, 1, /*with_bias=*/false);
  layer->bind_parameter("weight", at::zeros({1, 1}));
  LitEma ema(*layer);
  ema->reset(*layer);
  layer->bind_parameter("weight", at::ones({1, 1}));
  ema->forward(*layer);
  // decay = min(0.9999, 2 / 11): the average moves by 9 / 11 of the way.
  EXPECT_FLOAT_EQ(ema->average_of("weight").item<float>(), 9.0f / 11.0f);
}

TEST(LitEma, CopyToOverwritesTheModel) {
  Linear layer(1, 1, /*with_bias=*/false);
  layer->bind_parameter("weight", at::full({1, 1}, 3.0f));
  LitEma ema(*layer);
  ema->reset(*layer);
  layer->bind_parameter("weight", at::zeros({1, 1}));
  ema->copy_to(*layer);
  EXPECT_EQ(layer->weight.item<float>(), 3.0f);
}

}  // namespace
}  // namespace ldm
