#include "ldm/pipelines/picture_folder.h"

#include <ATen/ATen.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>

#include "ldm/data/png.h"
#include "tests/support/paths.h"

namespace ldm {
namespace {

namespace fs = std::filesystem;
using ::testing::ElementsAre;
using ::testing::EndsWith;
using ::testing::HasSubstr;

/// A folder that is not there yet.
std::string new_outdir() {
  static int count = 0;
  return testing::temp_dir() + "/out-" + std::to_string(++count);
}

struct Folder {
  explicit Folder(GenerationOptions options = {}) {
    if (options.outdir == GenerationOptions().outdir) options.outdir = new_outdir();
    outdir = options.outdir;
    folder.emplace(options, [this](const std::string& path) { written.push_back(path); });
    GenerationPlan plan;
    plan.sampler = "ddim";
    plan.image = {8, 8};
    folder->set_parameters(shared_parameters(options, plan, c10::kCPU, true));
  }

  std::string outdir;
  std::optional<PictureFolder> folder;
  std::vector<std::string> written;
};

at::Tensor picture() {
  return at::full({8, 8, 3}, 100, at::kByte);
}

std::string parameters(const std::string& path) {
  for (const data::PngText& text : data::read_png(path).text) {
    if (text.keyword == "parameters") return text.text;
  }
  return "";
}

TEST(PictureFolder, NumbersSamplesAndGrids) {
  Folder out;
  out.folder->picture(picture(), {});
  out.folder->picture(picture(), {});
  out.folder->grid(picture());
  EXPECT_THAT(out.written, ElementsAre(EndsWith("samples/00000.png"), EndsWith("samples/00001.png"),
                                       EndsWith("grid-0000.png")));
}

TEST(PictureFolder, ASecondRunGoesOnCounting) {
  GenerationOptions options;
  options.outdir = new_outdir();
  Folder first(options);
  first.folder->picture(picture(), {});
  Folder second(options);
  second.folder->picture(picture(), {});
  EXPECT_THAT(second.written, ElementsAre(EndsWith("samples/00001.png")));
}

TEST(PictureFolder, PreviewsHaveTheirOwnFolder) {
  GenerationOptions options;
  options.preview = 5;
  Folder out(options);
  out.folder->preview(picture());
  EXPECT_THAT(out.written, ElementsAre(EndsWith("previews/00000.png")));
  EXPECT_FALSE(fs::exists(Folder().outdir + "/previews"));
}

TEST(PictureFolder, PicturesCarryWhatMadeThem) {
  GenerationOptions options;
  options.negative_prompt = "blur";
  options.seed = 7;
  Folder out(options);
  out.folder->picture(picture(), {"a fox", 4, 1, 2, 3});
  const std::string text = parameters(out.written[0]);
  EXPECT_THAT(text,
              HasSubstr("a fox\nNegative prompt: blur\nSteps: 50, Sampler: DDIM, CFG scale: 7.5, Seed: 7"));
  EXPECT_THAT(text, HasSubstr("Batch size: 3, Batch pos: 2, Iteration: 1"));
  EXPECT_THAT(text, HasSubstr("EMA: on"));
}

TEST(PictureFolder, PerImageSeedsAreThePicturesOwn) {
  GenerationOptions options;
  options.per_image_seeds = true;
  options.seed = 7;
  Folder out(options);
  out.folder->picture(picture(), {"a fox", 4, 1, 2, 3});
  EXPECT_THAT(parameters(out.written[0]), HasSubstr("Seed: 11,"));
}

TEST(PictureFolder, AFolderThatCannotBeIsAnOutputError) {
  const std::string file = testing::temp_dir() + "/a file";
  std::ofstream(file) << "x";
  GenerationOptions options;
  options.outdir = file + "/below";
  try {
    PictureFolder(options, {});
    FAIL() << "expected an exception";
  } catch (const OutputError& error) {
    EXPECT_THAT(error.what(), HasSubstr("--outdir: "));
  }
}

}  // namespace
}  // namespace ldm
