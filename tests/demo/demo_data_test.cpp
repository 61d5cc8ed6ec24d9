#include "ldm/demo/demo_data.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <map>
#include <set>
#include <sstream>

#include "ldm/data/datasets/caption_metadata.h"
#include "ldm/data/png.h"
#include "ldm/demo/make_demo_data_program.h"
#include "ldm/files/error.h"
#include "tests/demo/demo_test_util.h"
#include "tests/support/files.h"

namespace ldm::demo {
namespace {

using ::testing::Contains;
using testing::demo_objects;
using testing::demo_sprites;
using ::testing::ElementsAre;
using testing::error_of;
using testing::files_in;
using ::testing::HasSubstr;
using testing::new_folder;
using testing::read_file;

DemoDataOptions small_options(const std::string& folder) {
  DemoDataOptions options;
  options.folder = folder;
  options.pictures = 40;
  options.held_out = 10;
  options.first_stage = 10;
  return options;
}

void make(const DemoDataOptions& options) {
  make_demo_data(options, demo_objects(), demo_sprites(),
                 [](const std::string&, std::int64_t, std::int64_t) {});
}

bool holds_out(const Scene& scene) {
  const auto& objects = demo_objects();
  const Colour& colour = colours()[scene.colour];
  const bool first = is_held_out(objects[scene.object], colour);
  return scene.layout == Layout::pair ? first || is_held_out(objects[scene.second], colour) : first;
}

TEST(DemoData, TrainingNeverShowsWhatIsHeldOut) {
  const auto scenes = training_scenes(demo_objects(), 4000, 1);
  ASSERT_EQ(scenes.size(), 4000);
  EXPECT_TRUE(std::none_of(scenes.begin(), scenes.end(), holds_out));
}

TEST(DemoData, TrainingShowsEverythingElse) {
  std::map<std::pair<std::size_t, std::size_t>, int> seen;
  for (const Scene& scene : training_scenes(demo_objects(), 8000, 1)) {
    if (scene.layout == Layout::large) ++seen[{scene.object, scene.colour}];
  }
  EXPECT_EQ(seen.size(), demo_objects().size() * colours().size() - 312);
  const auto most = std::max_element(seen.begin(), seen.end(),
                                     [](const auto& a, const auto& b) { return a.second < b.second; });
  EXPECT_LE(most->second, 3);
}

TEST(DemoData, HeldOutScenesAreHeldOut) {
  for (const Layout layout : {Layout::large, Layout::pair}) {
    for (const Scene& scene : held_out_scenes(demo_objects(), layout, 400, 1)) {
      ASSERT_TRUE(is_held_out(demo_objects()[scene.object], colours()[scene.colour]));
      if (layout == Layout::pair) {
        ASSERT_TRUE(is_held_out(demo_objects()[scene.second], colours()[scene.colour]));
        ASSERT_NE(scene.object, scene.second);
      }
    }
  }
}

TEST(DemoData, ShortListsMayHoldNothingOut) {
  const std::vector<Object> fox{{0x1F98A, "a", "fox"}};
  EXPECT_TRUE(held_out_scenes(fox, Layout::large, 0, 1).empty());
  EXPECT_THAT(error_of<files::FileError>([&] { held_out_scenes(fox, Layout::large, 1, 1); }),
              HasSubstr("held out, got none among 1 objects"));
}

TEST(DemoData, EqualSeedsMakeEqualFiles) {
  const std::string parent = new_folder();
  make(small_options(parent + "/a"));
  make(small_options(parent + "/b"));
  DemoDataOptions other = small_options(parent + "/c");
  other.seed = 24;
  make(other);
  EXPECT_THAT(files_in(parent), ElementsAre("a", "b", "c"));
  for (const char* name : {"train", "held_out", "first_stage"}) {
    const std::string folder = std::string("/") + name;
    const auto files = files_in(parent + "/a" + folder);
    EXPECT_EQ(files.size(), name == std::string("train") ? 41 : 11);
    for (const std::string& file : files) {
      EXPECT_EQ(read_file(parent + "/a" + folder + "/" + file),
                read_file(parent + "/b" + folder + "/" + file))
          << file;
    }
    EXPECT_NE(read_file(parent + "/a" + folder + "/000000.png"),
              read_file(parent + "/c" + folder + "/000000.png"));
  }
}

TEST(DemoData, IsReadByTheDatasetThatTrains) {
  const std::string folder = new_folder() + "/data";
  make(small_options(folder));
  const auto images = data::read_captions(folder + "/train", std::nullopt);
  ASSERT_EQ(images.size(), 40);
  std::set<std::string> listed;
  std::istringstream lines(read_file(folder + "/captions.txt"));
  for (std::string line; std::getline(lines, line);) listed.insert(line);
  for (const auto& image : images) {
    for (const std::string& caption : image.captions) EXPECT_THAT(listed, Contains(caption));
    EXPECT_THAT(data::read_png(folder + "/train/" + image.file).pixels.sizes().vec(), ElementsAre(64, 64, 3));
  }
  EXPECT_THAT(read_file(folder + "/LICENSE.txt"), HasSubstr("SIL Open Font License"));
}

TEST(DemoData, ReplacesNothing) {
  const std::string folder = new_folder();
  testing::write_file(folder + "/mine.txt", "mine");
  EXPECT_THAT(error_of<files::FileError>([&] { make(small_options(folder)); }), HasSubstr(folder));
  EXPECT_THAT(files_in(folder), ElementsAre("mine.txt"));
}

TEST(MakeDemoDataProgram, RefusesWrongOptions) {
  EXPECT_EQ(make_demo_data_program({"--pictures", "-1"}), 2);
  EXPECT_EQ(make_demo_data_program({"--picture", "3"}), 2);
  EXPECT_EQ(make_demo_data_program({"a.b=c"}), 2);
  EXPECT_EQ(make_demo_data_program({"--font", "no/such/font.ttf", "--outdir", new_folder() + "/x"}), 3);
  EXPECT_EQ(make_demo_data_program({"--objects", "no/such/list.txt", "--outdir", new_folder() + "/x"}), 3);
}

}  // namespace
}  // namespace ldm::demo
