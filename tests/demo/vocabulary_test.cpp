#include "ldm/demo/vocabulary.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <sstream>
#include <stdexcept>

#include "ldm/files/error.h"
#include "tests/demo/demo_test_util.h"
#include "tests/support/files.h"
#include "tests/support/paths.h"

namespace ldm::demo {
namespace {

using testing::demo_objects;
using testing::error_of;
using ::testing::HasSubstr;
using testing::new_folder;
using testing::write_file;

std::vector<Object> read(const std::string& text) {
  return read_objects(write_file(new_folder() + "/objects.txt", text));
}

const Colour& colour(const std::string& name) {
  for (const Colour& each : colours()) {
    if (each.name == name) return each;
  }
  throw std::invalid_argument(name);
}

TEST(Vocabulary, ReadsCodePointsAndPhrases) {
  const std::vector<Object> objects = read("# a list\n\n1F98A a fox\r\n1f989 an owl\n1F347 grapes\n");
  ASSERT_EQ(objects.size(), 3);
  EXPECT_EQ(objects[0].code_point, 0x1F98A);
  EXPECT_EQ(objects[0].phrase(), "a fox");
  EXPECT_EQ(objects[1].noun, "owl");
  EXPECT_EQ(objects[1].phrase("small"), "a small owl");
  EXPECT_EQ(objects[2].phrase(), "grapes");
  EXPECT_EQ(objects[2].phrase("small"), "small grapes");
  EXPECT_EQ(objects[0].phrase("old"), "an old fox");
}

TEST(Vocabulary, RefusesBadLists) {
  const auto error = [](const std::string& text) { return error_of<files::FileError>([&] { read(text); }); };
  EXPECT_THAT(error("1F98A a fox\nfox\n"),
              HasSubstr("objects.txt, line 2: expected a code point and a phrase"));
  EXPECT_THAT(error("1F98A\n"), HasSubstr("got '1F98A'"));
  EXPECT_THAT(error("1F98A \n"), HasSubstr("expected a code point and a phrase"));
  EXPECT_THAT(error("1F98A a fox\n1F98B a fox\n"),
              HasSubstr("line 2: expected each object once, got a second 'fox'"));
  EXPECT_THAT(error("# nothing\n"), HasSubstr("expected objects, one in each line, got none"));
  EXPECT_THAT(error_of<files::FileError>([] { read_objects("no/such/list.txt"); }),
              HasSubstr("no/such/list.txt"));
}

TEST(Vocabulary, ShippedListIsLargeEnough) {
  EXPECT_GE(demo_objects().size(), 200);
  EXPECT_GE(colours().size(), 12);
}

// Values of the rule written in another language.
TEST(Vocabulary, HoldsTheSameCombinationsOutForever) {
  std::size_t held_out = 0;
  for (const Object& object : demo_objects()) {
    for (const Colour& each : colours()) held_out += is_held_out(object, each) ? 1 : 0;
  }
  EXPECT_EQ(held_out, 312);
  const Object dog{0x1F436, "a", "dog"};
  for (const Colour& each : colours()) {
    const std::string name = each.name;
    EXPECT_EQ(is_held_out(dog, each), name == "black" || name == "green") << name;
  }
}

/// The prompts that scripts/demo.sh paints.
std::vector<std::string> demo_prompts() {
  std::istringstream lines(testing::read_file(testing::project_path("scripts/demo.sh")));
  std::vector<std::string> prompts;
  bool inside = false;
  for (std::string line; std::getline(lines, line);) {
    if (line == "PROMPTS") inside = false;
    if (inside) prompts.push_back(line);
    if (line == "  cat <<'PROMPTS'") inside = true;
  }
  return prompts;
}

/// The colour of the longest name that the text asks for as a background.
const Colour& background_in(const std::string& text) {
  const Colour* found = nullptr;
  for (const Colour& each : colours()) {
    const bool is_there = text.find(" " + std::string(each.name) + " background") != std::string::npos;
    if (is_there && (found == nullptr || std::string(each.name).size() > std::string(found->name).size())) {
      found = &each;
    }
  }
  return found == nullptr ? throw std::invalid_argument(text) : *found;
}

// What the sheet of the demo shows is said to be held out.
TEST(Vocabulary, DemoPaintsWhatWasHeldOut) {
  const std::vector<std::string> prompts = demo_prompts();
  ASSERT_EQ(prompts.size(), 12);
  for (const std::string& prompt : prompts) {
    int objects = 0;
    for (const Object& object : demo_objects()) {
      const std::string words = " " + prompt.substr(0, prompt.find(" background"));
      if (words.find(" " + object.noun + " ") == std::string::npos) continue;
      ++objects;
      EXPECT_TRUE(is_held_out(object, background_in(prompt))) << object.noun << " in: " << prompt;
    }
    EXPECT_EQ(objects, prompt.find(" and ") == std::string::npos ? 1 : 2) << prompt;
  }
}

TEST(Vocabulary, ColoursHaveArticles) {
  EXPECT_EQ(colour("orange").phrase(), "an orange");
  EXPECT_EQ(colour("light blue").phrase(), "a light blue");
}

}  // namespace
}  // namespace ldm::demo
