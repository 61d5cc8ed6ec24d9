#include "ldm/experiments/demo_recognition.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "ldm/demo/scene.h"

namespace ldm::experiments {
namespace {

using demo::Layout;
using demo::Scene;
using ::testing::ElementsAre;
using ::testing::IsEmpty;
using ::testing::Pair;

const DemoRecognition& recognition() {
  static const DemoRecognition one;
  return one;
}

demo::Sprites sprites() {
  return {demo::EmojiFont(demo::EmojiFont::kDefaultPath), recognition().objects()};
}

Scene scene_of(Layout layout, std::size_t object, std::size_t second, std::size_t colour, demo::Place place) {
  Scene scene;
  scene.layout = layout;
  scene.object = object;
  scene.second = second;
  scene.colour = colour;
  scene.place = place;
  return scene;
}

TEST(DemoRecognition, ReadsEveryPrompt) {
  const std::vector<demo::Object>& objects = recognition().objects();
  for (std::size_t object = 0; object < objects.size(); ++object) {
    const std::size_t colour = object % demo::colours().size(), second = (object * 7 + 3) % objects.size();
    const auto place = static_cast<demo::Place>(object % demo::kPlaces);
    for (const Layout layout : {Layout::large, Layout::small, Layout::pair}) {
      const std::string prompt = demo::prompt_of(scene_of(layout, object, second, colour, place), objects);
      const std::optional<Scene> read = recognition().scene_of(prompt);
      ASSERT_TRUE(read.has_value()) << prompt;
      EXPECT_EQ(read->layout, layout) << prompt;
      EXPECT_EQ(read->object, object) << prompt;
      EXPECT_EQ(read->colour, colour) << prompt;
      if (layout == Layout::pair) {
        EXPECT_EQ(read->second, second) << prompt;
      }
      if (layout == Layout::small) {
        EXPECT_EQ(read->place, place) << prompt;
      }
    }
  }
  EXPECT_FALSE(recognition().scene_of("a photograph of an astronaut").has_value());
  EXPECT_FALSE(recognition().scene_of("").has_value());
}

TEST(DemoRecognition, SeesWhatIsDrawn) {
  const demo::Sprites all = sprites();
  const std::vector<demo::Object>& objects = recognition().objects();
  const Scene drawn = scene_of(Layout::pair, 0, 8, 2, demo::Place::middle);
  const at::Tensor pixels = demo::draw(drawn, all);
  EXPECT_THAT(recognition().measure(pixels, demo::prompt_of(drawn, objects)),
              ElementsAre(Pair("colour_right", 1), Pair("object_top1", 1), Pair("object_top5", 1)));
  Scene asked = drawn;
  asked.colour = 3;
  asked.second = 36;
  EXPECT_THAT(recognition().measure(pixels, demo::prompt_of(asked, objects)),
              ElementsAre(Pair("colour_right", 0), Pair("object_top1", 0.5),
                          Pair("object_top5", ::testing::Ge(0.5))));
}

TEST(DemoRecognition, SaysNothingOfOtherPromptsAndSizes) {
  const at::Tensor pixels = demo::draw(scene_of(Layout::large, 0, 0, 0, demo::Place::middle), sprites());
  EXPECT_THAT(recognition().measure(pixels, "a castle"), IsEmpty());
  const std::string prompt =
      demo::prompt_of(scene_of(Layout::large, 0, 0, 0, demo::Place::middle), recognition().objects());
  EXPECT_THAT(recognition().measure(pixels.narrow(0, 0, 32), prompt), IsEmpty());
}

}  // namespace
}  // namespace ldm::experiments
