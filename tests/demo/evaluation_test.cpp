#include "ldm/demo/evaluation.h"

#include <ATen/ATen.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <nlohmann/json.hpp>

#include "ldm/data/seeds.h"
#include "ldm/demo/demo_data.h"
#include "ldm/demo/evaluate_demo_program.h"
#include "ldm/demo/evaluation_report.h"
#include "tests/demo/demo_test_util.h"
#include "tests/support/files.h"

namespace ldm::demo {
namespace {

using testing::demo_objects;
using testing::demo_sprites;
using ::testing::HasSubstr;

const Recogniser& recogniser() {
  static const Recogniser made(demo_sprites(), demo_objects().size());
  return made;
}

at::Tensor drawn(const std::vector<Scene>& scenes) {
  std::vector<at::Tensor> pictures;
  for (const Scene& scene : scenes) pictures.push_back(draw(scene, demo_sprites()));
  return at::stack(pictures);
}

class TrueDrawings : public ::testing::TestWithParam<Layout> {};

TEST_P(TrueDrawings, AreAllRecognised) {
  std::vector<Scene> scenes;
  for (std::size_t object = 0; object < demo_objects().size(); ++object) {
    Scene scene;
    scene.layout = GetParam();
    scene.object = object;
    scene.second = (object + 7) % demo_objects().size();
    scene.colour = object % colours().size();
    scene.place = static_cast<Place>(object % kPlaces);
    scenes.push_back(scene);
  }
  const Accuracy accuracy = judge(drawn(scenes), scenes, recogniser());
  EXPECT_EQ(accuracy.pictures, static_cast<std::int64_t>(scenes.size()));
  EXPECT_EQ(accuracy.colour, 1);
  EXPECT_EQ(accuracy.top1, 1);
  EXPECT_EQ(accuracy.top5, 1);
  EXPECT_EQ(accuracy.both_top1, 1);
}

INSTANTIATE_TEST_SUITE_P(Layouts, TrueDrawings,
                         ::testing::Values(Layout::large, Layout::small, Layout::pair));

TEST(Recogniser, TellsTheObjectApartFromItsBackground) {
  Scene asked, painted;
  asked.object = painted.object = 4;
  asked.colour = 2;
  painted.colour = 5;
  const at::Tensor picture = draw(painted, demo_sprites());
  EXPECT_EQ(Recogniser::colour_of(picture), 5);
  EXPECT_EQ(recogniser().rank_of_object(picture, asked), 0) << "the wrong background must not count";
}

TEST(Judge, CountsHalvesOfPairs) {
  Scene asked;
  asked.layout = Layout::pair;
  asked.object = 1;
  asked.second = 2;
  Scene painted = asked;
  painted.second = 40;
  const Accuracy accuracy = judge(drawn({painted}), {asked}, recogniser());
  EXPECT_EQ(accuracy.top1, 0.5);
  EXPECT_EQ(accuracy.both_top1, 0);
}

TEST(Judge, NoiseIsRecognisedBySmallChanceOnly) {
  const auto scenes = held_out_scenes(demo_objects(), Layout::large, 200, 1);
  const at::Tensor noise = at::randint(0, 256, {200, 64, 64, 3}, data::make_generator(5), at::kByte);
  const Accuracy accuracy = judge(noise, scenes, recogniser());
  EXPECT_LT(accuracy.top1, 0.05);
  EXPECT_LT(accuracy.top5, 0.15);
}

TEST(MeanPsnr, FollowsItsDefinition) {
  const at::Tensor zeros = at::zeros({2, 4, 4, 3}, at::kByte);
  at::Tensor other = zeros.clone();
  other[0].fill_(51);  // a fifth of 255: 20 log10(5) dB
  EXPECT_NEAR(mean_psnr(zeros, other), (20 * std::log10(5.0) + 100) / 2, 1e-9);
}

TEST(RandomGuess, IsOneOfAll) {
  const Accuracy guess = random_guess(250);
  EXPECT_DOUBLE_EQ(guess.colour, 1.0 / static_cast<double>(colours().size()));
  EXPECT_DOUBLE_EQ(guess.top1, 1.0 / 250);
  EXPECT_DOUBLE_EQ(guess.top5, 5.0 / 250);
  EXPECT_DOUBLE_EQ(guess.both_top1, 1.0 / 62500);
}

TEST(Reports, HoldTheFiguresAndTheGuess) {
  Evaluation evaluation;
  evaluation.objects = 200;
  Measurement row;
  row.ema = true;
  row.scale = 7.5;
  row.scenes = "held out";
  row.accuracy = {500, 0.984, 0.812, 0.95, 0.812};
  evaluation.rows.push_back(row);
  evaluation.ema_distances.push_back({7.5, 21.25});
  evaluation.strengths.push_back({0.4, {500, 0.9, 0.8, 0.85, 0.8}, {500, 0.1, 0.05, 0.1, 0.05}});
  const std::string text = text_report(evaluation);
  EXPECT_THAT(text, HasSubstr("follows colour  follows object"));
  EXPECT_THAT(text, HasSubstr("81.2 (0.5)"));
  EXPECT_THAT(text, HasSubstr("98.4 (8.3)"));
  EXPECT_THAT(text, HasSubstr("21.2 dB"));
  const auto json = nlohmann::json::parse(json_report(evaluation));
  EXPECT_EQ(json["txt2img"][0]["accuracy"]["top1"], 0.812);
  EXPECT_EQ(json["txt2img"][0]["weights"], "EMA");
  EXPECT_EQ(json["img2img"][0]["follows"]["top1"], 0.05);
  EXPECT_EQ(json["random_guess"]["top5"], 0.025);
}

TEST(EvaluateDemoProgram, RefusesWrongOptions) {
  EXPECT_EQ(evaluate_demo_program({"--scales", "5,x"}), 2);
  EXPECT_EQ(evaluate_demo_program({"--scales", ""}), 2);
  EXPECT_EQ(evaluate_demo_program({"--strengths", "1.5"}), 2);
  EXPECT_EQ(evaluate_demo_program({"--sampler", "euler"}), 2);
  EXPECT_EQ(evaluate_demo_program({"--ckpt", "no/such/model.ckpt"}), 3);
}

}  // namespace
}  // namespace ldm::demo
