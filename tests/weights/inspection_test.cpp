#include "ldm/weights/inspection.h"

#include <ATen/ATen.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <filesystem>
#include <nlohmann/json.hpp>

#include "ldm/weights/inspection_report.h"
#include "ldm/weights/open_weights.h"
#include "tests/support/paths.h"
#include "tests/weights/small_weights.h"

namespace ldm::weights {
namespace {

using ldm::testing::open_small;
using ldm::testing::small_ema_only;
using ldm::testing::small_plain;
using ldm::testing::small_weights;
using ldm::testing::with;
using ldm::testing::without;
using nlohmann::json;
using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::Not;

constexpr const char* kIn = "model.diffusion_model.input_blocks.0.0.weight";

InspectionOptions with_statistics() {
  InspectionOptions options;
  options.statistics = true;
  return options;
}

TEST(Inspection, CountsTypesAndParts) {
  const std::string path = ldm::testing::write_weights(small_weights());
  const Inspection inspection = inspect_weights(open_weights(path));
  EXPECT_EQ(inspection.format, "pytorch-zip");
  EXPECT_EQ(inspection.file_bytes, std::filesystem::file_size(path));
  EXPECT_EQ(inspection.total.tensors, 11);
  EXPECT_EQ(inspection.by_dtype.at("float32").tensors, 9);
  EXPECT_EQ(inspection.by_dtype.at("int64").elements, 5);
  EXPECT_EQ(inspection.by_part.at(ModelPart::unet).parameters, 8 + 3);
  EXPECT_EQ(inspection.by_part.at(ModelPart::vae).parameters, 6 + 4);
  EXPECT_EQ(inspection.by_part.at(ModelPart::text_encoder).parameters, 6) << "position ids are no parameters";
  EXPECT_EQ(inspection.by_part.at(ModelPart::text_encoder).tensors, 2);
}

TEST(Inspection, TellsTheFormsOfAverages) {
  const auto kind = [](const ldm::testing::NamedTensors& tensors) {
    return inspect_weights(open_small(tensors)).ema.kind;
  };
  EXPECT_EQ(kind(small_weights()), EmaKind::twins);
  EXPECT_EQ(kind(small_ema_only()), EmaKind::looks_ema_only);
  EXPECT_EQ(kind(small_plain()), EmaKind::none);
  EXPECT_EQ(kind(without(without(small_weights(), kIn), "model.diffusion_model.out.2.bias")),
            EmaKind::averages_only);
  const EmaFacts facts = inspect_weights(open_small(small_weights())).ema;
  EXPECT_EQ(facts.averages, 2);
  EXPECT_EQ(facts.decay, double(0.9999f));
  EXPECT_EQ(facts.num_updates, 7);
}

TEST(Inspection, PlainReadsTheCountersOnly) {
  int reports = 0;
  InspectionOptions options;
  options.progress = [&](std::uint64_t, std::uint64_t) { ++reports; };
  const Inspection inspection = inspect_weights(open_small(small_weights()), options);
  EXPECT_EQ(reports, 0);
  for (const KeyFacts& key : inspection.keys) EXPECT_FALSE(key.statistics.has_value()) << key.name;
}

TEST(Inspection, StatisticsOfEveryTensorAndTheDistanceOfAverages) {
  const auto tensors = with(small_weights(), "cond_stage_model.x", at::tensor({1.0f, NAN, INFINITY}));
  std::uint64_t done = 0, total = 0;
  InspectionOptions options = with_statistics();
  options.progress = [&](std::uint64_t now, std::uint64_t all) {
    EXPECT_GE(now, done);
    done = now;
    total = all;
  };
  const Inspection inspection = inspect_weights(open_small(tensors), options);
  EXPECT_EQ(done, total);
  EXPECT_EQ(total, static_cast<std::uint64_t>(inspection.total.bytes));
  ASSERT_EQ(inspection.keys.size(), tensors.size());
  for (const KeyFacts& key : inspection.keys) ASSERT_TRUE(key.statistics.has_value()) << key.name;
  EXPECT_EQ(inspection.keys[1].statistics->minimum, -1);
  EXPECT_EQ(inspection.keys[5].statistics->minimum, -0.5);
  EXPECT_EQ(inspection.keys.back().statistics->nan, 1);
  ASSERT_EQ(inspection.ema_distances.size(), 2U);
  EXPECT_EQ(inspection.ema_distances[0].block, "input_blocks.0");
  EXPECT_EQ(inspection.ema_distances[0].distance.largest, 0.5);
  const auto squares = small_weights()[1].second.square().sum().item<double>();
  EXPECT_DOUBLE_EQ(inspection.ema_distances[0].distance.relative(), std::sqrt(8 * 0.25 / squares));
}

TEST(InspectionReport, SaysWhatThereIs) {
  const checkpoint::NamedScalars scalars{{"global_step", std::int64_t{470000}}};
  const Inspection inspection = inspect_weights(open_small(small_weights(), scalars));
  EXPECT_THAT(
      to_text(inspection, false),
      AllOf(HasSubstr("pytorch-zip"), HasSubstr("11 parameters in 2 tensors"), HasSubstr("decay 0.9999"),
            HasSubstr("7 updates"), HasSubstr("global_step: 470000"), Not(HasSubstr(kIn))));
  EXPECT_THAT(to_text(inspection, true), AllOf(HasSubstr(kIn), HasSubstr("float32   [4, 2]\n")));
}

TEST(InspectionReport, OfStatisticsNamesWhatIsNotFinite) {
  const auto tensors = with(small_weights(), "cond_stage_model.x", at::tensor({1.0f, NAN}));
  const Inspection inspection = inspect_weights(open_small(tensors), with_statistics());
  EXPECT_THAT(to_text(inspection, true), AllOf(HasSubstr("1 NaN and 0 infinite in 1 tensor:"),
                                               HasSubstr("min -1"), HasSubstr("input_blocks.0")));
}

TEST(InspectionReport, IsJson) {
  const checkpoint::NamedScalars scalars{
      {"global_step", std::int64_t{470000}}, {"version", std::string("1.4")}, {"done", true}};
  const auto path = ldm::testing::write_weights(small_weights(), scalars);
  Inspection inspection = inspect_weights(open_weights(path), with_statistics());
  inspection.hash = FileHash{std::string(64, 'a'), "12345678"};
  const json parsed = json::parse(to_json(inspection, true));
  EXPECT_EQ(parsed["file"], path);
  EXPECT_EQ(parsed["bytes"], std::filesystem::file_size(path));
  EXPECT_EQ(parsed["dtypes"]["float32"]["tensors"], 9);
  EXPECT_EQ(parsed["parts"]["unet"]["parameters"], 11);
  EXPECT_EQ(parsed["ema"]["kind"], "twins");
  EXPECT_EQ(parsed["ema"]["num_updates"], 7);
  EXPECT_EQ(parsed["ema"]["blocks"]["out"]["max_abs"], 0.5);
  EXPECT_EQ(parsed["metadata"]["global_step"], 470000);
  EXPECT_EQ(parsed["metadata"]["version"], "1.4");
  EXPECT_EQ(parsed["metadata"]["done"], true);
  EXPECT_EQ(parsed["hash"]["short"], "aaaaaaaaaa");
  EXPECT_EQ(parsed["statistics"]["nan"], 0);
  ASSERT_EQ(parsed["keys"].size(), 11U);
  EXPECT_EQ(parsed["keys"][1]["name"], kIn);
  EXPECT_EQ(parsed["keys"][1]["shape"], json({4, 2}));
  EXPECT_EQ(parsed["keys"][1]["min"], -1);
}

TEST(InspectionReport, JsonHasNoNaN) {
  const auto tensors = with(small_plain(), "cond_stage_model.x", at::full({2}, NAN));
  const json parsed = json::parse(to_json(inspect_weights(open_small(tensors), with_statistics()), true));
  EXPECT_TRUE(parsed["keys"].back()["min"].is_null());
  EXPECT_EQ(parsed["statistics"]["nan"], 2);
  EXPECT_EQ(parsed["statistics"]["not_finite"][0], "cond_stage_model.x");
}

TEST(Inspection, OfNanoFiles) {
  const Inspection ema_only =
      inspect_weights(open_weights(ldm::testing::golden_path("nano_ema_only_f16.ckpt")));
  EXPECT_EQ(ema_only.ema.kind, EmaKind::looks_ema_only);
  EXPECT_EQ(ema_only.by_dtype.count("float16"), 1U);
  const std::string full = ldm::testing::shared_golden_path("nano_full_ema_f32.ckpt");
  if (full.empty()) GTEST_SKIP() << "nano_full_ema_f32.ckpt is only in the larger collection (LDM_GOLDENS)";
  const Inspection inspection = inspect_weights(open_weights(full), with_statistics());
  EXPECT_EQ(inspection.ema.kind, EmaKind::twins);
  EXPECT_FALSE(inspection.ema_distances.empty());
  EXPECT_GT(inspection.ema_distance.relative(), 0);
  EXPECT_EQ(inspection.metadata.count("global_step"), 1U);
}

}  // namespace
}  // namespace ldm::weights
