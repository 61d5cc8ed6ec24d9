#include "ldm/weights/conversion.h"

#include <ATen/ATen.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <limits>
#include <stdexcept>

#include "ldm/checkpoint/error.h"
#include "ldm/checkpoint/open_checkpoint.h"
#include "ldm/weights/sd_keys.h"
#include "tests/support/files.h"
#include "tests/support/paths.h"
#include "tests/weights/small_weights.h"

namespace ldm::weights {
namespace {

namespace fs = std::filesystem;
using checkpoint::CheckpointError;
using checkpoint::open_checkpoint;
using checkpoint::StateDict;
using ldm::testing::error_of;
using ldm::testing::new_folder;
using ldm::testing::open_small;
using ldm::testing::same_bits;
using ldm::testing::small_ema_only;
using ldm::testing::small_plain;
using ldm::testing::small_weights;
using ldm::testing::with;
using ldm::testing::without;
using ::testing::ElementsAre;
using ::testing::HasSubstr;

constexpr const char* kIn = "model.diffusion_model.input_blocks.0.0.weight";
constexpr const char* kOut = "model.diffusion_model.out.2.bias";
constexpr const char* kAverageIn = "model_ema.diffusion_modelinput_blocks00weight";
constexpr const char* kEncoder = "first_stage_model.encoder.conv_in.weight";

/// Converts into a new folder and opens the result.
struct Result {
  ConversionReport report;
  StateDict state;
};

Result convert(const StateDict& state, const ConversionOptions& options) {
  const std::string path =
      new_folder() + (options.format == WeightsFormat::ckpt ? "/out.ckpt" : "/out.safetensors");
  const ConversionReport report = convert_weights(state, path, options);
  return {report, open_checkpoint(path)};
}

void expect_same(const StateDict& a, const StateDict& b) {
  ASSERT_EQ(a.names(), b.names());
  for (const std::string& name : a.names()) {
    EXPECT_TRUE(same_bits(a.tensor(name).tensor, b.tensor(name).tensor)) << name;
  }
}

ConversionOptions to(WeightsFormat format) {
  ConversionOptions options;
  options.format = format;
  return options;
}

/// Bits that a computation would not leave as they are.
at::Tensor odd_numbers() {
  at::Tensor odd = at::arange(8, at::kInt);
  odd[0] = 0x7fa00001;                    // a NaN that signals
  odd[1] = static_cast<int>(0xffc12345);  // a NaN with a message
  odd[2] = 1;                             // the smallest number
  odd[3] = static_cast<int>(0x80000000);  // -0
  return odd.view(at::kFloat);
}

ldm::testing::NamedTensors odd_weights() {
  auto tensors = with(small_weights(), "model.diffusion_model.out.0.weight", odd_numbers());
  tensors = with(tensors, "model.diffusion_model.out.0.half", odd_numbers().view(at::kHalf));
  tensors = with(tensors, "model.diffusion_model.out.0.bf16", odd_numbers().view(at::kBFloat16));
  tensors = with(tensors, "other.double", at::full({}, 0.1, at::kDouble));
  tensors = with(tensors, "other.empty", at::empty({0, 4}));
  return with(tensors, "other.mask", at::ones({3}, at::kBool));
}

TEST(Conversion, ThereAndBackIsBitExact) {
  const checkpoint::NamedScalars scalars{{"epoch", std::int64_t{3}}, {"global_step", std::int64_t{470000}}};
  const StateDict before = open_small(odd_weights(), scalars);
  const Result there = convert(before, to(WeightsFormat::safetensors));
  expect_same(before, there.state);
  EXPECT_EQ(there.report.converted, 0U);
  const Result back = convert(there.state, to(WeightsFormat::ckpt));
  expect_same(before, back.state);
  ASSERT_EQ(back.state.notes().scalars.size(), 2U);
  EXPECT_EQ(back.state.notes().scalars[1].value, checkpoint::Scalar(std::int64_t{470000}));
}

TEST(Conversion, ScalarsStayAsTheyAre) {
  const checkpoint::NamedScalars scalars{
      {"pytorch-lightning_version", std::string("1.10")}, {"z", true}, {"a", 0.5}};
  const StateDict before = open_small(small_plain(), scalars);
  const Result same = convert(before, to(WeightsFormat::ckpt));
  ASSERT_EQ(same.state.notes().scalars.size(), 3U);
  for (std::size_t i = 0; i < 3; ++i) {
    EXPECT_EQ(same.state.notes().scalars[i].name, scalars[i].name);
    EXPECT_EQ(same.state.notes().scalars[i].value, scalars[i].value);
  }
  const std::map<std::string, std::string> expected{
      {"a", "0.5"}, {"format", "pt"}, {"pytorch-lightning_version", "1.10"}, {"z", "True"}};
  EXPECT_EQ(convert(before, to(WeightsFormat::safetensors)).state.metadata(), expected);
}

TEST(Conversion, ToHalfConvertsWeightsOnly) {
  const StateDict before =
      open_small(with(small_weights(), "cond_stage_model.x.weight", at::randn({300, 300}, at::kDouble)));
  ConversionOptions options = to(WeightsFormat::ckpt);
  for (const auto dtype : {at::kHalf, at::kBFloat16, at::kFloat}) {
    options.dtype = dtype;
    const Result result = convert(before, options);
    for (const std::string& name : before.names()) {
      const at::Tensor was = before.tensor(name).tensor, is = result.state.tensor(name).tensor;
      const bool stays = name == "betas" || name == "model_ema.decay" || name == "model_ema.num_updates" ||
                         name.find("position_ids") != std::string::npos;
      EXPECT_TRUE(same_bits(is, stays ? was : was.to(dtype))) << name;
    }
    EXPECT_EQ(result.report.tensors, before.names().size());
    EXPECT_TRUE(result.report.overflows.empty());
  }
}

TEST(Conversion, ABufferInHalfStaysSo) {
  ConversionOptions options = to(WeightsFormat::ckpt);
  options.dtype = at::kFloat;
  EXPECT_EQ(converted_type("betas", at::kHalf, options), at::kHalf);
  EXPECT_EQ(converted_type(kAverageIn, at::kHalf, options), at::kFloat);
  EXPECT_EQ(converted_type(kIn, at::kLong, options), at::kLong);
}

TEST(Conversion, SaysWhatBecameInfinite) {
  at::Tensor large = at::ones({200000});
  large[3] = 65519;  // the largest that rounds to 65504
  large[5] = 65520;
  large[6] = -1e30;
  large[150000] = 1e6;
  large[7] = std::numeric_limits<float>::infinity();  // was so before
  large[8] = std::numeric_limits<float>::quiet_NaN();
  ConversionOptions options = to(WeightsFormat::safetensors);
  options.dtype = at::kHalf;
  const Result half = convert(open_small(with(small_plain(), kOut, large)), options);
  ASSERT_EQ(half.report.overflows.size(), 1U);
  EXPECT_EQ(half.report.overflows[0].name, kOut);
  EXPECT_EQ(half.report.overflows[0].count, 3);
  options.dtype = at::kBFloat16;
  EXPECT_TRUE(convert(open_small(with(small_plain(), kOut, large)), options).report.overflows.empty());
  options.dtype = at::kFloat;
  const Result single =
      convert(open_small(with(small_plain(), kOut, at::full({9}, 1e300, at::kDouble))), options);
  ASSERT_EQ(single.report.overflows.size(), 1U);
  EXPECT_EQ(single.report.overflows[0].count, 9);
}

TEST(Conversion, OnlyAveragesTakeTheWeightsPlaces) {
  const StateDict before = open_small(small_weights());
  ConversionOptions options = to(WeightsFormat::ckpt);
  options.ema = EmaTreatment::only;
  const Result result = convert(before, options);
  std::vector<std::string> names;
  for (const auto& [name, tensor] : small_ema_only()) names.push_back(name);
  EXPECT_EQ(result.state.names(), names);
  EXPECT_TRUE(same_bits(result.state.tensor(kIn).tensor, before.tensor(kAverageIn).tensor));
  EXPECT_TRUE(same_bits(result.state.tensor(kEncoder).tensor, before.tensor(kEncoder).tensor));
  EXPECT_THAT(result.report.dropped, ElementsAre(kAverageIn, "model_ema.diffusion_modelout2bias"));
}

TEST(Conversion, DroppedAveragesTakeTheirCountersAlong) {
  ConversionOptions options = to(WeightsFormat::ckpt);
  options.ema = EmaTreatment::drop;
  const StateDict before = open_small(small_weights());
  const Result result = convert(before, options);
  std::vector<std::string> names;
  for (const auto& [name, tensor] : small_plain()) names.push_back(name);
  EXPECT_EQ(result.state.names(), names);
  EXPECT_TRUE(same_bits(result.state.tensor(kIn).tensor, before.tensor(kIn).tensor));
}

TEST(Conversion, AveragesThatAreNotThereAreAnError) {
  ConversionOptions options;
  options.ema = EmaTreatment::only;
  for (const auto& tensors : {small_plain(), small_ema_only()}) {
    const std::string error =
        error_of<CheckpointError>([&] { select_weights(open_small(tensors), options); });
    EXPECT_THAT(error, HasSubstr("expected averages (model_ema.*)"));
  }
  options.ema = EmaTreatment::drop;
  const auto only_averages = without(without(small_weights(), kIn), kOut);
  EXPECT_THAT(error_of<CheckpointError>([&] { select_weights(open_small(only_averages), options); }),
              HasSubstr("the averages are the only weights"));
}

TEST(Conversion, AnAverageOfAnotherShapeIsAnError) {
  ConversionOptions options;
  options.ema = EmaTreatment::only;
  const auto tensors = with(small_weights(), kAverageIn, at::ones({2}));
  EXPECT_THAT(error_of<CheckpointError>([&] { select_weights(open_small(tensors), options); }),
              HasSubstr("to have the shape of"));
}

TEST(Conversion, AnotherVaeTakesThePlaceOfTheModelsOwn) {
  const at::Tensor other = at::full({2, 3}, 9.0);
  ConversionOptions options;
  options.vae = open_small({{"first_stage_model.loss.discriminator.weight", at::ones({2})},
                            {"first_stage_model.post_quant_conv.bias", at::full({4}, 8.0)},
                            {kEncoder, other},
                            {"model.diffusion_model.out.2.bias", at::zeros({3})}});
  const StateDict before = open_small(small_weights());
  const StateDict after = select_weights(before, options);
  EXPECT_THAT(after.names(), ::testing::UnorderedElementsAreArray(before.names()));
  EXPECT_TRUE(same_bits(after.tensor(kEncoder).tensor, other));
  EXPECT_TRUE(same_bits(after.tensor(kOut).tensor, before.tensor(kOut).tensor));
}

TEST(Conversion, AVaeThatDoesNotFitIsAnError) {
  const StateDict model = open_small(small_weights());
  const auto error_with = [&](const ldm::testing::NamedTensors& vae) {
    ConversionOptions options;
    options.vae = open_small(vae);
    return error_of<CheckpointError>([&] { select_weights(model, options); });
  };
  EXPECT_THAT(error_with({{"model.diffusion_model.out.2.bias", at::ones({3})}}), HasSubstr("expected a VAE"));
  EXPECT_THAT(error_with({{kEncoder, at::ones({2, 3})}}),
              HasSubstr("got one without 'first_stage_model.post"));
  EXPECT_THAT(
      error_with({{kEncoder, at::ones({3, 2})}, {"first_stage_model.post_quant_conv.bias", at::ones({4})}}),
      HasSubstr("in another shape"));
}

TEST(Conversion, ProgressEndsWithAllAndCanStop) {
  const StateDict before = open_small(small_weights());
  std::vector<std::uint64_t> done;
  std::uint64_t all = 0;
  ConversionOptions options;
  options.dtype = at::kHalf;
  options.progress = [&](std::uint64_t now, std::uint64_t total) {
    done.push_back(now);
    all = total;
  };
  const Result result = convert(before, options);
  EXPECT_EQ(done.size(), before.names().size() + 1);
  EXPECT_EQ(done.front(), 0U);
  EXPECT_EQ(done.back(), all);
  EXPECT_EQ(all, result.report.bytes);

  const std::string folder = new_folder();
  options.progress = [](std::uint64_t now, std::uint64_t) {
    if (now > 0) throw std::logic_error("stop");
  };
  for (const auto format : {WeightsFormat::ckpt, WeightsFormat::safetensors}) {
    options.format = format;
    EXPECT_THROW(convert_weights(before, folder + "/out", options), std::logic_error);
    EXPECT_TRUE(ldm::testing::files_in(folder).empty());
  }
}

TEST(Conversion, NanoFullBecomesNanoEmaOnly) {
  const std::string full = ldm::testing::shared_golden_path("nano_full_ema_f32.ckpt");
  if (full.empty()) GTEST_SKIP() << "nano_full_ema_f32.ckpt is only in the larger collection (LDM_GOLDENS)";
  ConversionOptions options = to(WeightsFormat::ckpt);
  options.ema = EmaTreatment::only;
  options.dtype = at::kHalf;
  const Result made = convert(open_checkpoint(full), options);
  const StateDict published = open_checkpoint(ldm::testing::golden_path("nano_ema_only_f16.ckpt"));
  ASSERT_EQ(made.state.names().size(), published.names().size());
  for (const std::string& name : published.names()) {
    EXPECT_TRUE(same_bits(made.state.tensor(name).tensor, published.tensor(name).tensor)) << name;
  }
}

TEST(Conversion, NanoThereAndBack) {
  for (const char* file : {"nano_ema_only_f16.ckpt", "nano_bare_f16.ckpt"}) {
    const StateDict before = open_checkpoint(ldm::testing::golden_path(file));
    const Result there = convert(before, to(WeightsFormat::safetensors));
    expect_same(before, there.state);
    expect_same(before, convert(there.state, to(WeightsFormat::ckpt)).state);
  }
}

TEST(Conversion, KeepsOnlyTheTokensThatAreAskedFor) {
  const std::string table(kTokenTable);
  const StateDict state =
      open_small(with(small_weights(), table, at::arange(1, 13, at::kFloat).view({6, 2})));
  ConversionOptions options = to(WeightsFormat::ckpt);
  options.kept_tokens = std::vector<std::int64_t>{4, 1, 49406};
  options.packing = checkpoint::CkptPacking::deflated;
  const Result made = convert(state, options);
  const at::Tensor expected = at::tensor({0, 0, 3, 4, 0, 0, 0, 0, 9, 10, 0, 0}, at::kFloat).view({6, 2});
  EXPECT_TRUE(made.state.tensor(table).tensor.equal(expected));
  EXPECT_TRUE(same_bits(made.state.tensor(kIn).tensor, state.tensor(kIn).tensor));
}

TEST(Conversion, TokensNeedATextEncoder) {
  ConversionOptions options = to(WeightsFormat::ckpt);
  options.kept_tokens = std::vector<std::int64_t>{1};
  const StateDict state = open_small(small_weights());
  EXPECT_THAT(error_of<CheckpointError>([&] { convert(state, options); }),
              HasSubstr("expected a text encoder"));
}

}  // namespace
}  // namespace ldm::weights
