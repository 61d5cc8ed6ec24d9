// The demo model that ships, through the programs that people meet it with.
#include <ATen/ATen.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <nlohmann/json.hpp>

#include "tests/e2e/programs.h"
#include "tests/support/files.h"
#include "tests/support/paths.h"

namespace ldm::testing {
namespace {

using ::testing::AllOf;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::SizeIs;

// A little below what models/ldm/demo/evaluation.json has: a sample of 32 pictures wanders by some percent.
constexpr double kTop1 = 0.95, kTop5 = 0.97, kPairsTop1 = 0.9, kRepaintedTop1 = 0.9;

// The whole evaluation says what the model can do (models/ldm/demo); a sample of it must come near.
TEST(DemoModel, PaintsWhatIsAsked) {
  const std::string json = new_folder() + "/evaluation.json";
  const Outcome outcome =
      run_program({program("evaluate_demo"), "--samples", "32", "--ddim_steps", "12", "--scales", "5",
                   "--strengths", "0.04,1", "--device", "cpu", "--json", json});
  ASSERT_EQ(outcome.status, 0) << outcome.error;
  EXPECT_THAT(outcome.output,
              AllOf(HasSubstr("non-EMA"), HasSubstr("held-out pairs"), HasSubstr("mean PSNR")));
  const auto report = nlohmann::json::parse(read_file(json));
  ASSERT_THAT(report["txt2img"], SizeIs(6));
  for (const auto& row : report["txt2img"]) {
    const auto& accuracy = row["accuracy"];
    EXPECT_GE(accuracy["colour"], 0.9) << row;
    if (row["scenes"] == "held-out pairs") {
      EXPECT_GE(accuracy["top1"], kPairsTop1) << row;
    } else {
      EXPECT_GE(accuracy["top1"], kTop1) << row;
      EXPECT_GE(accuracy["top5"], kTop5) << row;
    }
  }
  EXPECT_LT(report["ema_distance"][0]["mean_psnr_db"], 35);
  const auto& low = report["img2img"][0];
  const auto& high = report["img2img"][1];
  EXPECT_GE(low["keeps"]["colour"], 0.9);
  EXPECT_GE(low["keeps"]["top1"], 0.8);
  EXPECT_GE(high["follows"]["colour"], 0.9);
  EXPECT_GE(high["follows"]["top1"], kRepaintedTop1);
}

// From a folder in which there is nothing: what ships is found beside the program.
TEST(DemoModel, StandsInWhereThereAreNoWeights) {
  if (std::filesystem::exists(project_path("models/ldm/stable-diffusion-v1/model.ckpt"))) {
    GTEST_SKIP() << "there are weights of Stable Diffusion";
  }
  const std::string folder = new_folder();
  const Outcome painted = run_program({program("txt2img"), "--n_samples", "1", "--n_iter", "1", "--skip_grid",
                                       "--ddim_steps", "5", "--device", "cpu", "--outdir", "out"},
                                      "", folder);
  ASSERT_EQ(painted.status, 0) << painted.error;
  EXPECT_THAT(painted.error,
              HasSubstr("no weights at models/ldm/stable-diffusion-v1/model.ckpt: painting with the "
                        "small demo model"));
  const std::string picture = folder + "/" + lines(painted.output).front();
  EXPECT_THAT(pixels(picture).sizes().vec(), ElementsAre(64, 64, 3));

  const Outcome repainted = run_program(
      {program("img2img"), "--init-img", project_path("tests/goldens/tiny_img2img_input.png"), "--n_samples",
       "1", "--skip_grid", "--ddim_steps", "5", "--device", "cpu", "--outdir", "over"},
      "", folder);
  ASSERT_EQ(repainted.status, 0) << repainted.error;
  EXPECT_THAT(repainted.error, HasSubstr("small demo model"));
  EXPECT_THAT(pixels(folder + "/" + lines(repainted.output).front()).sizes().vec(), ElementsAre(64, 64, 3));
}

TEST(DemoModel, GivesWayToWhatIsNamed) {
  const std::string folder = new_folder();
  const Outcome outcome =
      run_program({program("txt2img"), "--ckpt", "no/such.ckpt", "--outdir", "out"}, "", folder);
  EXPECT_EQ(outcome.status, 3);
  EXPECT_THAT(outcome.error, HasSubstr("no/such.ckpt"));
}

TEST(ContactSheet, PutsPicturesSideBySide) {
  const std::string folder = new_folder();
  const std::string picture = project_path("tests/goldens/tiny_img2img_input.png");
  const std::string sheet = folder + "/sheet.png";
  const auto run = [&](const std::vector<std::string>& files) {
    std::vector<std::string> command{program("contact_sheet"), "--columns", "2", "--zoom", "3"};
    command.insert(command.end(), files.begin(), files.end());
    return run_program(command);
  };
  ASSERT_EQ(run({sheet, picture, picture, picture}).status, 0);
  const at::Tensor one = pixels(picture), all = pixels(sheet);
  const std::int64_t height = one.size(0) * 3, width = one.size(1) * 3;
  EXPECT_THAT(all.sizes().vec(), ElementsAre(2 * height + 6, 2 * width + 6, 3));  // 2 pixels around each
  const at::Tensor second = all.narrow(0, 2, height).narrow(1, width + 4, width);
  EXPECT_TRUE(second.equal(one.repeat_interleave(3, 0).repeat_interleave(3, 1)));
  EXPECT_EQ(run({sheet, picture}).status, 4) << "it is there already";
  EXPECT_EQ(run({folder + "/other.png"}).status, 2);
  EXPECT_EQ(run({folder + "/other.png", "no/such.png"}).status, 3);
  EXPECT_EQ(run({folder + "/other.png", picture, sheet}).status, 3) << "of another size";
}

}  // namespace
}  // namespace ldm::testing
