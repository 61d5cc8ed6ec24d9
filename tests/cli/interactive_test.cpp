#include "ldm/cli/interactive.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <sstream>
#include <vector>

namespace ldm::cli {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::SizeIs;

/// A session over a text: what was generated and what was said.
struct Session {
  explicit Session(const std::string& text, GenerationKind kind = GenerationKind::txt2img) {
    std::istringstream input(text);
    InteractiveActions actions;
    actions.ask = [this] { ++asked; };
    actions.generate = [this](const GenerationOptions& options) {
      if (options.prompt == "fail") throw std::runtime_error("it failed");
      runs.push_back(options);
    };
    actions.say = [this](const std::string& line) { said.push_back(line); };
    run_interactive(input, default_options(kind), actions);
  }

  std::vector<std::string> prompts() const {
    std::vector<std::string> list;
    for (const GenerationOptions& run : runs) list.push_back(run.prompt);
    return list;
  }

  std::vector<GenerationOptions> runs;
  std::vector<std::string> said;
  int asked = 0;
};

TEST(Interactive, EachLineIsAPrompt) {
  const Session session("a fox\n\n   \n  two foxes \r\nthe last without an end");
  EXPECT_THAT(session.prompts(), ElementsAre("a fox", "two foxes", "the last without an end"));
  EXPECT_THAT(session.said, IsEmpty());
}

TEST(Interactive, AsksBeforeEveryLineAndAtTheEnd) {
  EXPECT_EQ(Session("a\nb\n").asked, 3);
}

TEST(Interactive, AnOptionHoldsForThePromptsAfterIt) {
  const Session session(
      "a\n--ddim_steps 7\n--negative_prompt low quality, blur\nb\n--plms\nc\n--plms off\nd\n");
  ASSERT_THAT(session.runs, SizeIs(4));
  EXPECT_EQ(session.runs[0].ddim_steps, 50);
  EXPECT_EQ(session.runs[1].ddim_steps, 7);
  EXPECT_EQ(session.runs[1].negative_prompt, "low quality, blur");
  EXPECT_TRUE(session.runs[2].plms);
  EXPECT_EQ(session.runs[2].ddim_steps, 7);
  EXPECT_FALSE(session.runs[3].plms);
}

TEST(Interactive, AnErrorChangesNothingAndDoesNotEndIt) {
  const Session session(
      "--ddim_steps none\n--H 100\n--ckpt x\n--from-file x\n--prompt x\n--nonsense\nfail\na\n");
  ASSERT_THAT(session.runs, SizeIs(1));
  EXPECT_EQ(session.runs[0].ddim_steps, 50);
  EXPECT_EQ(session.runs[0].H, 512);
  EXPECT_EQ(session.runs[0].prompt, "a");
  EXPECT_THAT(
      session.said,
      ElementsAre(HasSubstr("--ddim_steps: expected an integer"), HasSubstr("--H: expected a multiple"),
                  HasSubstr("fixed for the session"), HasSubstr("a prompt as a line of its own"),
                  HasSubstr("a prompt as a line of its own"), HasSubstr("unknown '--nonsense'"),
                  HasSubstr("it failed")));
}

TEST(Interactive, ContradictionsAreSeenAcrossLines) {
  const Session session("--ddim_eta 0.5\n--plms\na\n");
  ASSERT_THAT(session.runs, SizeIs(1));
  EXPECT_FALSE(session.runs[0].plms);
  EXPECT_THAT(session.said, ElementsAre(HasSubstr("ddim_eta 0.5: set"), HasSubstr("--ddim_eta: expected 0")));
}

}  // namespace
}  // namespace ldm::cli
