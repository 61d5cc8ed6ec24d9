#include "ldm/experiments/results.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <nlohmann/json.hpp>
#include <sstream>

#include "ldm/experiments/record_file.h"
#include "ldm/experiments/run_comparison.h"
#include "ldm/files/error.h"
#include "tests/experiments/experiment_test_util.h"
#include "tests/support/files.h"

namespace ldm::experiments {
namespace {

using ldm::testing::error_of;
using ldm::testing::painted;
using ldm::testing::plan_of;
using ::testing::AllOf;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::SizeIs;
using ::testing::StartsWith;

constexpr const char* kPairs =
    "models: [ { name: m }, { name: n, ema: off } ]\nprompts: [ \"a, \\\"b\\\"\\nc\" ]\nseeds: [ 1, 2 ]\n"
    "compare: { to: m }\nmetrics: [ psnr, mad ]\n";

/// Results with a psnr of 10 and 20 for the two of `n`, the second not finite if asked for.
Results measured_pairs(const Plan& plan, double second = 20) {
  Results results = painted(plan);
  results.pictures[2].metrics = {{"psnr", 10}, {"mad", 0.1}};
  results.pictures[2].compared_to = "key0";
  results.pictures[3].metrics = {{"psnr", second}, {"mad", 0.3}};
  return results;
}

TEST(ResultsJsonl, ReadsBack) {
  const Plan plan = plan_of(kPairs);
  std::istringstream lines(results_jsonl(measured_pairs(plan, INFINITY)));
  std::vector<nlohmann::json> rows;
  for (std::string line; std::getline(lines, line);) rows.push_back(nlohmann::json::parse(line));
  ASSERT_THAT(rows, SizeIs(4));
  EXPECT_EQ(rows[2]["model"], "n");
  EXPECT_EQ(rows[2]["prompt"], "a, \"b\"\nc");
  EXPECT_EQ(rows[2]["seed"], 1);
  EXPECT_EQ(rows[2]["metrics"]["mad"], 0.1);
  EXPECT_EQ(rows[2]["compared_to"], "key0");
  EXPECT_EQ(rows[2]["file"], "images/key2.png");
  EXPECT_TRUE(rows[3]["metrics"]["psnr"].is_null());
}

TEST(ResultsCsv, QuotesWhatNeedsIt) {
  const Plan plan = plan_of(kPairs);
  const std::string csv = results_csv(measured_pairs(plan, INFINITY));
  EXPECT_THAT(
      csv,
      StartsWith("cell,key,file,model,prompt,negative_prompt,seed,width,height,steps,psnr,mad,compared_to,"));
  EXPECT_THAT(csv, HasSubstr("\r\n2,key2,images/key2.png,n,\"a, \"\"b\"\"\nc\",,1,16,16,0,10.0,0.1,key0,"));
  EXPECT_THAT(csv, HasSubstr(",2,16,16,0,,0.3,,"));  // no number for infinity
}

TEST(Means, AreOfTheFiniteValuesOfTheMatchingPictures) {
  const Plan plan = plan_of(kPairs);
  const Mean both = mean_of(measured_pairs(plan), "psnr", {{"model", "n"}});
  EXPECT_EQ(both.count, 2);
  EXPECT_DOUBLE_EQ(both.mean, 15);
  EXPECT_NEAR(both.deviation, std::sqrt(50.0), 1e-12);
  EXPECT_EQ(mean_of(measured_pairs(plan, INFINITY), "psnr", {}).count, 1);
  EXPECT_EQ(mean_of(measured_pairs(plan), "psnr", {{"model", "m"}}).count, 0);
  EXPECT_THAT(measured(measured_pairs(plan)), ElementsAre("psnr", "mad"));
}

TEST(RecordFile, ReadsBackAndRefusesDamage) {
  Record record;
  record.key = "abc";
  record.picture = "images/abc.png";
  record.picture_sha256 = "12";
  record.width = 64;
  record.seconds = 0.25;
  record.batch = 3;
  const std::string text = record_json(record);
  const Record back = read_record(text, "r.json");
  EXPECT_EQ(record_json(back), text);
  EXPECT_EQ(back.seconds, 0.25);
  EXPECT_EQ(back.width, 64);
  const auto error = [](const std::string& damaged) {
    return error_of<files::FileError>([&] { read_record(damaged, "r.json"); });
  };
  EXPECT_THAT(error(text.substr(0, text.size() / 2)),
              AllOf(HasSubstr("r.json"), HasSubstr("expected a picture's record")));
  EXPECT_THAT(error("{}"), HasSubstr("key"));
}

TEST(CompareRuns, TellsEqualPicturesFromOthers) {
  const Plan plan = plan_of(kPairs);
  const Results a = measured_pairs(plan), b = measured_pairs(plan);
  for (const Results* results : {&a, &b}) {
    testing::write_file(results->folder + "/results.jsonl", results_jsonl(*results));
  }
  EXPECT_THAT(compare_runs(a.folder, b.folder),
              AllOf(HasSubstr("4 pairs, 4 with equal pixels"), HasSubstr("only in A: 0, only in B: 0")));
  testing::write_file(b.folder + "/images/key1.png", testing::read_file(b.folder + "/images/key3.png"));
  EXPECT_THAT(compare_runs(a.folder, b.folder),
              AllOf(HasSubstr("4 pairs, 3 with equal pixels"), HasSubstr("mean absolute difference 2.000")));
  EXPECT_THAT(error_of<files::FileError>([&] { compare_runs(a.folder, testing::new_folder()); }),
              HasSubstr("results.jsonl"));
}

}  // namespace
}  // namespace ldm::experiments
