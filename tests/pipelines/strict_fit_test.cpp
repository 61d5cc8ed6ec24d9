#include "ldm/pipelines/strict_fit.h"

#include <ATen/ATen.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "ldm/checkpoint/open_checkpoint.h"
#include "ldm/checkpoint/writer.h"
#include "tests/support/files.h"
#include "tests/support/paths.h"

namespace ldm {
namespace {

using checkpoint::StateDict;
using checkpoint::TensorAlias;
using testing::golden_path;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::SizeIs;
using weights::Finding;
using weights::FindingKind;

constexpr const char* kBias = "model.diffusion_model.out.2.bias";

config::Config nano_config() {
  return config::Config::from_file(golden_path("nano-inference.yaml"));
}

StateDict nano() {
  return checkpoint::open_checkpoint(golden_path("nano_ema_only_f16.ckpt"));
}

/// The nano checkpoint's tensors, each under the name that `rename` gives it; empty leaves it out.
template <typename Rename>
StateDict renamed(const StateDict& state, const Rename& rename) {
  std::vector<TensorAlias> tensors;
  for (const std::string& name : state.names()) {
    const std::string other = rename(name);
    if (!other.empty()) tensors.push_back({other, state, name, {}});
  }
  return checkpoint::view_of("changed", "test", tensors);
}

/// A checkpoint of one tensor.
StateDict single(const std::string& name, const at::Tensor& tensor) {
  const std::string path = testing::new_folder() + "/single.ckpt";
  checkpoint::write_ckpt(
      path, {{name, tensor.scalar_type(), tensor.sizes().vec(), [tensor] { return tensor; }}}, 0);
  return checkpoint::open_checkpoint(path);
}

TEST(StrictFit, OfWeightsThatFitFindsNothing) {
  for (const char* file : {"nano_ema_only_f16.ckpt", "nano_bare_f16.ckpt"}) {
    EXPECT_THAT(find_misfits(checkpoint::open_checkpoint(golden_path(file)), nano_config()), IsEmpty())
        << file;
  }
}

TEST(StrictFit, FindsWhatIsMissing) {
  const auto findings = find_misfits(
      renamed(nano(), [](const std::string& name) { return name == kBias ? "" : name; }), nano_config());
  ASSERT_THAT(findings, SizeIs(1));
  EXPECT_EQ(findings[0].kind, FindingKind::missing);
  EXPECT_EQ(findings[0].subject, kBias);
}

TEST(StrictFit, BuffersThatFollowFromTheConfigMayBeMissing) {
  EXPECT_THAT(
      find_misfits(renamed(nano(), [](const std::string& name) { return name == "betas" ? "" : name; }),
                   nano_config()),
      IsEmpty());
}

TEST(StrictFit, FindsWhatIsNotOfTheModel) {
  const auto findings = find_misfits(
      renamed(nano(), [](const std::string& name) { return name == kBias ? "model.other" : name; }),
      nano_config());
  ASSERT_THAT(findings, SizeIs(2));
  EXPECT_EQ(findings[1].kind, FindingKind::unexpected);
  EXPECT_EQ(findings[1].subject, "model.other");
}

TEST(StrictFit, FindsOtherShapesAndTypes) {
  const StateDict state = nano();
  const auto with_bias = [&](const at::Tensor& tensor) {
    const StateDict other = single(kBias, tensor);
    std::vector<TensorAlias> tensors;
    for (const std::string& name : state.names()) {
      tensors.push_back({name, name == kBias ? other : state, name, {}});
    }
    return find_misfits(checkpoint::view_of("changed", "test", tensors), nano_config());
  };
  const auto shapes = with_bias(at::ones({5}, at::kHalf));
  ASSERT_THAT(shapes, SizeIs(1));
  EXPECT_EQ(shapes[0].kind, FindingKind::shape);
  EXPECT_EQ(shapes[0].text, "expected [4], got [5]");
  const auto types = with_bias(at::ones({4}, at::kInt));
  ASSERT_THAT(types, SizeIs(1));
  EXPECT_EQ(types[0].kind, FindingKind::type);
}

TEST(StrictFit, HoldsBothSetsAgainstTheModel) {
  const std::string full = testing::shared_golden_path("nano_full_ema_f32.ckpt");
  if (full.empty()) GTEST_SKIP() << "nano_full_ema_f32.ckpt is only in the larger collection (LDM_GOLDENS)";
  const StateDict state = checkpoint::open_checkpoint(full);
  EXPECT_THAT(find_misfits(state, nano_config()), IsEmpty());
  const auto findings = find_misfits(renamed(state,
                                             [](const std::string& name) {
                                               return name == "model_ema.diffusion_modelout2bias" ? "" : name;
                                             }),
                                     nano_config());
  ASSERT_THAT(findings, SizeIs(1));
  EXPECT_EQ(findings[0].subject, "model_ema.diffusion_modelout2bias");
}

}  // namespace
}  // namespace ldm
