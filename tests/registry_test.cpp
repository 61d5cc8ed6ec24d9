#include "ldm/registry.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "ldm/models/diffusion/latent_diffusion.h"
#include "ldm/util.h"
#include "tests/support/paths.h"

namespace ldm {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;

/// What building the small model says after some overrides; empty when it is built.
std::string problem_with(const std::vector<std::string>& overrides) {
  auto config = config::Config::from_file(testing::golden_path("tiny-inference.yaml"));
  config.apply_overrides(overrides);
  try {
    instantiate_from_config<DDPMImpl>(config.root().at("model"), default_registry());
  } catch (const config::ConfigError& error) {
    return error.what();
  }
  return "";
}

TEST(Registry, BuildsTheSmallModel) {
  EXPECT_EQ(problem_with({}), "");
}

TEST(Registry, UnknownTargetNamesTheKnownOnes) {
  EXPECT_THAT(problem_with({"model.params.unet_config.target=ldm.modules.NoSuchModel"}),
              AllOf(HasSubstr("ldm.modules.NoSuchModel"), HasSubstr("openaimodel.UNetModel")));
}

TEST(Registry, TargetOfAnotherRoleIsRefused) {
  EXPECT_THAT(problem_with({"model.params.first_stage_config.target=torch.nn.Identity"}),
              HasSubstr("ldm.models.autoencoder.AutoencoderKL"));
}

TEST(Registry, UnknownKeyIsNamedWithItsTarget) {
  EXPECT_THAT(problem_with({"model.params.unet_config.params.model_chanels=32"}),
              AllOf(HasSubstr("model_chanels"), HasSubstr("UNetModel"), HasSubstr("model_channels")));
}

TEST(Registry, KeysThatChangeNothingAreKnown) {
  EXPECT_EQ(problem_with({"model.params.monitor=val/loss", "model.params.unet_config.params.use_fp16=true"}),
            "");
}

TEST(Registry, CkptPathIsKeptAndNotRead) {
  auto config = config::Config::from_file(testing::golden_path("tiny-inference.yaml"));
  config.apply_overrides({"model.params.ckpt_path=no/such.ckpt", "model.params.ignore_keys=[]"});
  const auto model = instantiate_from_config<DDPMImpl>(config.root().at("model"), default_registry());
  EXPECT_EQ(model->options().ckpt_path, "no/such.ckpt");
}

TEST(Registry, WrongTypeIsNamed) {
  EXPECT_THAT(problem_with({"model.params.unet_config.params.model_channels=many"}),
              AllOf(HasSubstr("model.params.unet_config.params.model_channels"), HasSubstr("many")));
}

TEST(Registry, NullWhereANumberIsNeededIsAnError) {
  EXPECT_THAT(problem_with({"model.params.unet_config.params.in_channels=null"}), HasSubstr("in_channels"));
}

TEST(Registry, RefusedValueIsToldWithThePlaceInTheConfig) {
  EXPECT_THAT(problem_with({"model.params.loss_type=l3"}),
              AllOf(HasSubstr("model.params"), HasSubstr("expected loss_type l1 or l2, got 'l3'")));
  EXPECT_THAT(problem_with({"model.params.unet_config.params.context_dim=null"}),
              HasSubstr("use_spatial_transformer and context_dim together"));
  EXPECT_THAT(problem_with({"model.params.unet_config.params.num_groups=7"}), HasSubstr("num_groups"));
}

TEST(Registry, ExtraKeyBesideATargetIsRefused) {
  EXPECT_THAT(problem_with({"model.learning_rate=1"}), HasSubstr("learning_rate"));
}

}  // namespace
}  // namespace ldm
