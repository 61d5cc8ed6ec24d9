#include "ldm/pipelines/text_conditioning.h"

#include <ATen/ATen.h>
#include <gtest/gtest.h>

#include "tests/pipelines/pipeline_test_util.h"

namespace ldm {
namespace {

at::Tensor encode(const std::vector<std::string>& prompts) {
  FiniteStages stages = testing::tiny_stages();
  return encode_prompts(stages, prompts, [](const std::string& text) { FAIL() << text; });
}

TEST(TextConditioning, EachPromptHasItsRow) {
  const at::Tensor rows = encode({"a fox", "a crow", "a fox"});
  EXPECT_EQ(rows.sizes(), (std::vector<std::int64_t>{3, 77, 64}));
  EXPECT_TRUE(at::equal(rows[0], rows[2]));
  EXPECT_TRUE(at::allclose(rows[0], encode({"a fox"})[0], 1e-5, 1e-5));
  EXPECT_TRUE(at::allclose(rows[1], encode({"a crow"})[0], 1e-5, 1e-5));
  EXPECT_FALSE(at::allclose(rows[0], rows[1], 1e-3, 1e-3));
}

TEST(TextConditioning, APromptThatStandsTwiceIsEncodedOnce) {
  std::int64_t encoded = 0;
  auto* encoder = dynamic_cast<Module*>(testing::tiny_model()->cond_stage_model().get());
  encoder->set_output_observer([&](const at::Tensor& output) { encoded += output.size(0); });
  encode({"a fox", "a crow", "a fox", "a fox"});
  encoder->set_output_observer({});
  EXPECT_EQ(encoded, 2);
}

TEST(TextConditioning, OnlyLongTextsHaveAnUnseenEnd) {
  LatentDiffusionImpl& model = *testing::tiny_model();
  EXPECT_EQ(unseen_text(model, "a fox"), "");
  std::string text;
  for (int i = 0; i < 75; ++i) text += "fox ";
  EXPECT_EQ(unseen_text(model, text), "");
  EXPECT_EQ(unseen_text(model, text + "a crow"), "a crow");
}

}  // namespace
}  // namespace ldm
