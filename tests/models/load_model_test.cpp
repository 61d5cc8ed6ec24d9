#include "ldm/pipelines/load_model.h"

#include <ATen/ATen.h>
#include <ATen/Parallel.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <atomic>
#include <csignal>

#include "ldm/checkpoint/open_checkpoint.h"
#include "ldm/checkpoint/writer.h"
#include "ldm/modules/state.h"
#include "ldm/ops/cpu/parallel.h"
#include "ldm/ops/onednn.h"
#include "ldm/util.h"
#include "tests/support/paths.h"

namespace ldm {
namespace {

using ::testing::HasSubstr;

config::Config nano_config() {
  return config::Config::from_file(testing::golden_path("nano-inference.yaml"));
}

template <typename Call>
std::string message_of(Call call) {
  try {
    call();
  } catch (const std::exception& error) {
    return error.what();
  }
  return "nothing was thrown";
}

/// A copy of a checkpoint with one tensor left out or given another shape.
std::string changed_copy(const std::string& name, const std::string& key, bool drop) {
  const auto state = checkpoint::open_checkpoint(testing::golden_path("nano_ema_only_f16.ckpt"));
  std::vector<checkpoint::NamedTensorSource> sources;
  for (const std::string& entry : state.names()) {
    if (drop && entry == key) continue;
    const auto& info = state.info(entry);
    const auto sizes = entry == key ? std::vector<std::int64_t>{3} : info.sizes;
    const auto make = [=] { return entry == key ? at::zeros({3}, info.dtype) : state.tensor(entry).tensor; };
    sources.push_back({entry, info.dtype, sizes, make});
  }
  const std::string path = testing::temp_dir() + "/" + name;
  checkpoint::write_ckpt(path, sources);
  return path;
}

TEST(LoadModel, BindsEveryParameterAndWidensHalfWeights) {
  const auto loaded = load_model(nano_config(), testing::golden_path("nano_ema_only_f16.ckpt"));
  for (const auto& entry : state_of(*loaded.model)) {
    EXPECT_FALSE(entry.tensor.is_meta()) << entry.name;
    EXPECT_NE(entry.tensor.scalar_type(), at::kHalf) << entry.name;
  }
  EXPECT_FALSE(loaded.report.uses_ema);
  EXPECT_EQ(loaded.report.unexpected.at("model_ema"), 2);
  EXPECT_THAT(loaded.report.summary(), HasSubstr("converted from Half"));
}

TEST(LoadModel, HalfPrecisionKeepsHalfWeightsAndFloatBuffers) {
  LoadOptions options;
  options.precision = Precision::half;
  const auto loaded = load_model(nano_config(), testing::golden_path("nano_ema_only_f16.ckpt"), options);
  for (const auto& entry : state_of(*loaded.model)) {
    if (!entry.tensor.is_floating_point()) continue;
    EXPECT_EQ(entry.tensor.scalar_type(), entry.is_parameter ? at::kHalf : at::kFloat) << entry.name;
  }
  EXPECT_GT(loaded.report.bound, 600);
}

TEST(LoadModel, Bfloat16PrecisionRoundsEveryHalfWeight) {
  LoadOptions options;
  options.precision = Precision::bf16;
  const std::string path = testing::golden_path("nano_ema_only_f16.ckpt");
  const auto state = checkpoint::open_checkpoint(path);
  const auto loaded = load_model(nano_config(), path, options);
  std::int64_t largest = 0;
  for (const auto& entry : parameters_of(*loaded.model)) {
    const at::Tensor stored = state.tensor(entry.name).tensor;
    EXPECT_TRUE(at::equal(entry.tensor, stored.to(at::kFloat).to(at::kBFloat16))) << entry.name;
    largest = std::max(largest, stored.numel());
  }
  EXPECT_GT(largest, 1 << 17);  // more than are converted in one piece
}

TEST(LoadModel, SchedulesOfTheCheckpointReplaceTheComputedOnes) {
  const auto loaded = load_model(nano_config(), testing::golden_path("nano_bare_f16.ckpt"));
  const auto state = checkpoint::open_checkpoint(testing::golden_path("nano_bare_f16.ckpt"));
  const at::Tensor stored = state.tensor("alphas_cumprod").tensor.to(at::kFloat);
  EXPECT_TRUE(at::equal(loaded.model->schedule("alphas_cumprod"), stored));
}

TEST(LoadModel, AskingForAveragesThatAreNotThereIsAnError) {
  LoadOptions options;
  options.ema = EmaChoice::on;
  const auto load = [&] {
    load_model(nano_config(), testing::golden_path("nano_ema_only_f16.ckpt"), options);
  };
  EXPECT_THAT(message_of(load), HasSubstr("expected EMA weights"));
}

TEST(LoadModel, MissingParameterIsNamed) {
  const std::string key = "model.diffusion_model.out.0.weight";
  const auto load = [&] { load_model(nano_config(), changed_copy("dropped.ckpt", key, true)); };
  EXPECT_THAT(message_of(load), HasSubstr("missing from the file (1):\n  " + key));
}

TEST(LoadModel, OtherShapeIsTold) {
  const std::string key = "model.diffusion_model.out.0.weight";
  const auto load = [&] { load_model(nano_config(), changed_copy("shape.ckpt", key, false)); };
  EXPECT_THAT(message_of(load), HasSubstr(key + ": expected [32], got [3]"));
}

TEST(LoadModel, CheckpointOfAnotherConfigIsRefused) {
  const auto config = config::Config::from_file(testing::golden_path("tiny-inference.yaml"));
  const auto load = [&] { load_model(config, testing::golden_path("nano_ema_only_f16.ckpt")); };
  EXPECT_THAT(message_of(load), HasSubstr("use the config that belongs to it"));
}

TEST(LoadModel, FloatWeightsShareTheFilesPages) {
  const auto full = testing::shared_golden_path("nano_full_ema_f32.ckpt");
  if (full.empty()) GTEST_SKIP() << "nano_full_ema_f32.ckpt is in a larger collection (LDM_GOLDENS)";
  const auto state = checkpoint::open_checkpoint(full);
  const auto trained = load_model(nano_config(), full);
  EXPECT_GT(trained.report.bound, 600);
  EXPECT_TRUE(trained.report.copied.empty());
  LoadOptions options;
  options.ema = EmaChoice::on;
  const auto averaged = load_model(nano_config(), full, options);
  const at::Tensor average = state.tensor("model_ema.diffusion_modelout0weight").tensor;
  const at::Tensor plain = state.tensor("model.diffusion_model.out.0.weight").tensor;
  ASSERT_FALSE(at::equal(average, plain));
  for (const auto& entry : parameters_of(*averaged.model)) {
    if (entry.name == "model.diffusion_model.out.0.weight") {
      EXPECT_TRUE(at::equal(entry.tensor, average));
    }
  }
}

/// How many parameters were let go of.
std::int64_t weights_without_values(const LoadedModel& loaded) {
  std::int64_t count = 0;
  for (const auto& entry : parameters_of(*loaded.model)) count += entry.tensor.is_meta();
  return count;
}

TEST(LoadModel, APackedModelPredictsTheSame) {
  LoadOptions options;
  for (const Precision precision : {Precision::full, Precision::bf16}) {
    options.precision = precision;
    options.pack = false;
    const auto plain = load_model(nano_config(), testing::golden_path("nano_bare_f16.ckpt"), options);
    options.pack = true;
    const auto packed = load_model(nano_config(), testing::golden_path("nano_bare_f16.ckpt"), options);
    EXPECT_EQ(weights_without_values(packed), 0);  // not yet
    const at::NoGradGuard no_grad;
    const auto type = weight_type(precision);
    const at::Tensor x = at::randn({2, 4, 16, 16}).to(type), context = at::randn({2, 7, 16}).to(type);
    const at::Tensor t = at::full({2}, 500, at::kLong);
    const at::Tensor expected = plain.model->apply_model(x, t, context).to(at::kDouble);
    const at::Tensor actual = packed.model->apply_model(x, t, context).to(at::kDouble);
    const double error = ((actual - expected).norm() / expected.norm()).item<double>();
    EXPECT_LT(error, precision == Precision::full ? 1e-5 : 3e-2);
    EXPECT_EQ(weights_without_values(plain), 0);
    // Not every processor has products of bfloat16.
    if (ops::onednn_reorders_linear() && precision == Precision::full) {
      EXPECT_GT(weights_without_values(packed), 100);
    }
  }
}

TEST(LoadModel, PackedAveragesAreTheAverages) {
  const auto full = testing::shared_golden_path("nano_full_ema_f32.ckpt");
  if (full.empty()) GTEST_SKIP() << "nano_full_ema_f32.ckpt is in a larger collection (LDM_GOLDENS)";
  LoadOptions options;
  options.ema = EmaChoice::on;
  const auto plain = load_model(nano_config(), full, options);
  options.pack = true;
  const auto packed = load_model(nano_config(), full, options);
  const at::NoGradGuard no_grad;
  const at::Tensor x = at::randn({1, 4, 16, 16}), context = at::randn({1, 7, 16});
  const at::Tensor t = at::full({1}, 500, at::kLong);
  EXPECT_TRUE(at::allclose(packed.model->apply_model(x, t, context), plain.model->apply_model(x, t, context),
                           1e-4, 1e-5));
}

TEST(LoadModel, TorchsThreadsHaveAStackForSignals) {
  const int threads = at::get_num_threads();
  at::set_num_threads(3);
  load_model(nano_config(), testing::golden_path("nano_bare_f16.ckpt"));
  std::atomic<int> with_stack = 0;
  ops::cpu::in_each_thread([&] {
    stack_t stack{};
    ::sigaltstack(nullptr, &stack);
    with_stack += (stack.ss_flags & SS_DISABLE) == 0;
  });
  at::set_num_threads(threads);
  EXPECT_EQ(with_stack, 3);
}

TEST(EmaScope, SwapsTheAveragesInAndBack) {
  auto config = nano_config();
  config.apply_overrides({"model.params.use_ema=true"});
  const auto model = instantiate_from_config<DDPMImpl>(config.root().at("model"), default_registry());
  const auto parameters = [&] { return parameters_of(*model->model()); };
  for (const auto& entry : parameters()) entry.bind(at::ones(entry.tensor.sizes()));
  model->model_ema()->reset(*model->model());
  for (const auto& entry : parameters()) entry.bind(at::zeros(entry.tensor.sizes()));
  {
    const EmaScope scope(*model);
    for (const auto& entry : parameters()) ASSERT_EQ(entry.tensor.min().item<float>(), 1.0f) << entry.name;
  }
  for (const auto& entry : parameters()) ASSERT_EQ(entry.tensor.max().item<float>(), 0.0f) << entry.name;
}

}  // namespace
}  // namespace ldm
