// Our leaf layers against torch::nn's own with the same weights.
#include "ldm/modules/layers.h"

#include <ATen/CPUGeneratorImpl.h>
#include <gtest/gtest.h>
#include <torch/torch.h>

#include "ldm/modules/diffusionmodules/unet_blocks.h"
#include "ldm/ops/onednn.h"

namespace ldm {
namespace {

void bind_from(LeafLayer& layer, const torch::nn::Module& source) {
  for (const auto& item : source.named_parameters()) layer.bind_parameter(item.key(), item.value().detach());
}

TEST(Layers, LinearEqualsTorchs) {
  torch::nn::Linear expected(5, 7);
  Linear layer(5, 7);
  bind_from(*layer, *expected);
  const auto x = torch::randn({3, 5});
  EXPECT_TRUE(torch::allclose(layer(x), expected(x), 1e-5, 1e-6));
}

TEST(Layers, Conv2dEqualsTorchs) {
  torch::nn::Conv2d expected(torch::nn::Conv2dOptions(3, 4, 3).stride(2).padding(1));
  Conv2dOptions options{3, 4, 3};
  options.stride = 2;
  options.padding = 1;
  Conv2d layer(options);
  bind_from(*layer, *expected);
  const auto x = torch::randn({2, 3, 9, 8});
  EXPECT_TRUE(torch::allclose(layer(x), expected(x), 1e-5, 1e-6));
}

class PackedLayers : public ::testing::Test {
 protected:
  void SetUp() override {
    if (!ops::onednn_reorders_linear()) GTEST_SKIP() << "this processor multiplies with plain weights";
  }
};

TEST_F(PackedLayers, LinearGivesTheSameAndLetsGoOfItsWeight) {
  torch::nn::Linear expected(48, 70);
  Linear layer(48, 70);
  bind_from(*layer, *expected);
  ASSERT_TRUE(layer->pack());
  EXPECT_TRUE(layer->weight.is_meta());
  EXPECT_FALSE(layer->bias.is_meta());
  const torch::NoGradGuard no_grad;
  const auto x = torch::randn({2, 9, 48});
  EXPECT_TRUE(torch::allclose(layer(x), expected(x), 1e-5, 1e-6));
  EXPECT_TRUE(torch::allclose(layer(x.transpose(0, 1)), expected(x.transpose(0, 1)), 1e-5, 1e-6));
}

TEST_F(PackedLayers, BindingAWeightReplacesThePackedOne) {
  torch::nn::Linear first(16, 16), second(16, 16);
  Linear layer(16, 16);
  bind_from(*layer, *first);
  ASSERT_TRUE(layer->pack());
  bind_from(*layer, *second);
  const torch::NoGradGuard no_grad;
  const auto x = torch::randn({3, 16});
  EXPECT_TRUE(torch::allclose(layer(x), second(x), 1e-5, 1e-6));
}

TEST_F(PackedLayers, APackedWeightIsNotLostToATensorWithoutValues) {
  Linear layer(8, 8);
  layer->init(at::make_generator<at::CPUGeneratorImpl>(5));
  ASSERT_TRUE(layer->pack());
  EXPECT_THROW(layer->bind_parameter("weight", layer->weight), std::invalid_argument);
}

TEST_F(PackedLayers, LinearRefusesGradients) {
  Linear layer(8, 8);
  layer->init(at::make_generator<at::CPUGeneratorImpl>(5));
  ASSERT_TRUE(layer->pack());
  EXPECT_THROW(layer(torch::randn({2, 8}).set_requires_grad(true)), c10::Error);
}

TEST_F(PackedLayers, ConvolutionOfOnePixelIsPackedAndOthersAreNot) {
  torch::nn::Conv2d expected(torch::nn::Conv2dOptions(20, 33, 1));
  Conv2d layer(Conv2dOptions{20, 33, 1});
  bind_from(*layer, *expected);
  ASSERT_TRUE(layer->pack());
  const torch::NoGradGuard no_grad;
  const auto x = torch::randn({2, 20, 5, 7});
  EXPECT_TRUE(torch::allclose(layer(x), expected(x), 1e-5, 1e-6));
  Conv2d wide(Conv2dOptions{20, 33, 3});
  wide->init(at::make_generator<at::CPUGeneratorImpl>(5));
  EXPECT_FALSE(wide->pack());
  EXPECT_FALSE(wide->weight.is_meta());
}

TEST(Layers, GroupNormAndItsSiluEqualTorchs) {
  torch::nn::GroupNorm expected(torch::nn::GroupNormOptions(2, 6).eps(1e-6));
  GroupNorm layer(2, 6, 1e-6);
  bind_from(*layer, *expected);
  const auto x = torch::randn({2, 6, 4, 5});
  EXPECT_TRUE(torch::allclose(layer(x), expected(x), 1e-5, 1e-6));
  EXPECT_TRUE(torch::allclose(layer->forward_silu(x), torch::silu(expected(x)), 1e-5, 1e-6));
}

TEST(Layers, GroupNormRefusesGroupsThatDoNotDivideTheChannels) {
  EXPECT_THROW(GroupNorm(32, 48, 1e-6), std::invalid_argument);
}

TEST(Layers, InitDrawsPyTorchsDefaultsFromTheGivenGenerator) {
  torch::manual_seed(5);
  torch::nn::Linear expected(4, 3);
  Linear layer(4, 3);
  layer->init(at::make_generator<at::CPUGeneratorImpl>(5));
  EXPECT_TRUE(torch::equal(layer->weight, expected->weight));
  EXPECT_TRUE(torch::equal(layer->bias, expected->bias));
}

TEST(Layers, ZeroInitIsZero) {
  Conv2dOptions options{2, 2, 1};
  options.zero_init = true;
  Conv2d layer(options);
  layer->init(at::make_generator<at::CPUGeneratorImpl>(5));
  EXPECT_EQ(layer->weight.abs().max().item<float>(), 0.0f);
}

TEST(Layers, BindingAnotherShapeOrAnUnknownNameIsRefused) {
  Linear layer(4, 3);
  EXPECT_THROW(layer->bind_parameter("weight", torch::zeros({4, 3})), std::invalid_argument);
  EXPECT_THROW(layer->bind_parameter("scale", torch::zeros({3})), std::invalid_argument);
}

TEST(UNetBlocks, UpsampleReachesTheSkipsOddSize) {
  unet::Upsample layer(2, /*use_conv=*/false, 2);
  const auto up = layer(torch::randn({1, 2, 4, 4}), unet::SpatialSize{7, 8});
  EXPECT_EQ(up.sizes().vec(), (std::vector<std::int64_t>{1, 2, 7, 8}));
}

}  // namespace
}  // namespace ldm
