#include "ldm/modules/encoders/clip_tokenizer.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <chrono>
#include <cstdint>
#include <fstream>
#include <nlohmann/json.hpp>
#include <stdexcept>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

#include "ldm/modules/encoders/clip_merges.h"
#include "tests/support/paths.h"

namespace ldm {
namespace {

using Ids = std::vector<std::int64_t>;

const ClipTokenizer& tokenizer() {
  static const ClipTokenizer instance(clip_merges());
  return instance;
}

std::string repeat(std::string_view text, int times) {
  std::string out;
  for (int i = 0; i < times; ++i) out += text;
  return out;
}

double seconds_of(const std::string& text) {
  const auto start = std::chrono::steady_clock::now();
  EXPECT_FALSE(tokenizer().tokenize(text).empty());
  return std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
}

nlohmann::json golden_cases() {
  std::ifstream file(testing::golden_path("tokenizer.json"));
  return nlohmann::json::parse(file).at("cases");
}

TEST(ClipTokenizer, GivesTheGoldenIds) {
  const auto cases = golden_cases();
  ASSERT_EQ(cases.size(), 230U);
  for (const auto& one : cases) {
    const auto text = one.at("text").get<std::string>();
    EXPECT_EQ(tokenizer().encode(text).ids, one.at("ids").get<Ids>()) << "text: '" << text << "'";
  }
}

TEST(ClipTokenizer, ReportsTruncationOnlyWhereTokensWereCut) {
  int cut = 0;
  for (const auto& one : golden_cases()) {
    const auto text = one.at("text").get<std::string>();
    const bool expected = tokenizer().tokenize(text).size() > 75;
    cut += expected ? 1 : 0;
    EXPECT_NE(tokenizer().encode(text).truncated.empty(), expected) << "text: '" << text << "'";
  }
  EXPECT_GT(cut, 0);
}

TEST(ClipTokenizer, TruncatedIsTheNormalisedTextThatWasCut) {
  const auto text = repeat("word ", 75);
  EXPECT_EQ(tokenizer().encode(text).truncated, "");
  EXPECT_EQ(tokenizer().encode(text + " Two   Cafe\xCC\x81s ").truncated, "two caf\xC3\xA9s");
  EXPECT_EQ(tokenizer().encode(text + "<|endoftext|>").truncated, "<|endoftext|>");
}

TEST(ClipTokenizer, HonoursOtherMaximumLengths) {
  const auto five = tokenizer().encode("a cat on a mat", 5);
  EXPECT_EQ(five.ids, (Ids{49406, 320, 2368, 525, 49407}));
  EXPECT_EQ(five.truncated, "a mat");
  EXPECT_EQ(tokenizer().encode("a cat", 8).ids, (Ids{49406, 320, 2368, 49407, 49407, 49407, 49407, 49407}));
  EXPECT_EQ(tokenizer().encode("a cat", 2).ids, (Ids{49406, 49407}));
  EXPECT_EQ(tokenizer().encode("", 3).ids, (Ids{49406, 49407, 49407}));
  EXPECT_THROW(tokenizer().encode("a cat", 1), std::invalid_argument);
  EXPECT_THROW(tokenizer().encode("a cat", -1), std::invalid_argument);
}

TEST(ClipTokenizer, NormalisesTextOnEachSideOfASpecialTokenByItself) {
  // The accent cannot join the letter across the token; spelled otherwise there is no token.
  EXPECT_EQ(tokenizer().tokenize("e<|endoftext|>\xCC\x81"), (Ids{324, 49407, 136, 479}));
  EXPECT_EQ(tokenizer().tokenize("<|startoftext|><|endoftext|>"), (Ids{49406, 49407}));
  EXPECT_EQ(tokenizer().tokenize("<|<|endoftext|>").back(), 49407);
  const auto upper = tokenizer().tokenize("<|ENDOFTEXT|>");
  EXPECT_EQ(std::count(upper.begin(), upper.end(), 49407), 0);
}

TEST(ClipTokenizer, LowersEachCharacterByItself) {
  EXPECT_EQ(tokenizer().tokenize("\xCE\x91\xCE\xA3"), tokenizer().tokenize("\xCE\xB1\xCF\x83"));
  EXPECT_EQ(tokenizer().tokenize("\xC4\xB0"), tokenizer().tokenize("i\xCC\x87"));
  EXPECT_EQ(tokenizer().tokenize("\xE1\xBA\x9E"), tokenizer().tokenize("\xC3\x9F"));
}

TEST(ClipTokenizer, TakesEachIllFormedSequenceForAReplacementCharacter) {
  struct Case {
    std::string bad;
    int replacements;
  };
  const std::vector<Case> cases = {
      {"\xFF", 1},
      {"\x80", 1},
      {"\xC3", 1},
      {"\xE2\x82", 1},
      {"\xF0\x9F\x98", 1},
      {"\xC0\xAF", 2},
      {"\xE0\x80", 2},
      {"\xED\xA0\x80", 3},
      {"\xF4\x90\x80", 3},
      {"\xF5\x80", 2},
      {"\xC3\xC3", 2},
      {"\xF0\x9F\x98\xC3", 2},
      {"\xE2\x82\xE2\x82", 2},
      {"\xF0\x80\x80\x80", 4},
  };
  for (const auto& [bad, replacements] : cases) {
    const auto good = "a " + repeat("\xEF\xBF\xBD", replacements);
    EXPECT_EQ(tokenizer().tokenize("a " + bad + "b"), tokenizer().tokenize(good + "b"))
        << ::testing::PrintToString(bad);
    EXPECT_EQ(tokenizer().tokenize("a " + bad), tokenizer().tokenize(good)) << ::testing::PrintToString(bad);
    EXPECT_EQ(tokenizer().tokenize(bad + "<|endoftext|>").back(), 49407) << ::testing::PrintToString(bad);
  }
}

TEST(ClipTokenizer, KeepsNulAsACharacter) {
  EXPECT_EQ(tokenizer().tokenize(std::string_view("nul\0byte", 8)), (Ids{1156, 331, 444, 42798}));
}

// Each of these would take minutes if the step it strains were quadratic.
TEST(ClipTokenizer, TakesTimeInProportionToLongText) {
  EXPECT_LT(seconds_of(repeat("a painting of a cat, ", 50000)), 10.0);
  EXPECT_LT(seconds_of(repeat("qwertyuiop", 10000)), 10.0);
  EXPECT_LT(seconds_of(repeat("a", 1000000)), 10.0);
  EXPECT_LT(seconds_of(repeat("!", 1000000)), 10.0);
  EXPECT_LT(seconds_of(repeat("<|", 500000)), 10.0);
  EXPECT_LT(seconds_of("a" + repeat("\xCC\x81\xCC\xA7", 250000)), 10.0);
  EXPECT_LT(seconds_of(repeat("<|endoftext|>", 80000)), 10.0);
}

TEST(ClipTokenizer, MergesALongWordLikeItsParts) {
  // Where a word ends changes its last few tokens only.
  const auto ids = tokenizer().tokenize(repeat("x", 100000));
  const auto shorter = tokenizer().tokenize(repeat("x", 1600));
  ASSERT_GT(ids.size(), shorter.size());
  EXPECT_TRUE(std::equal(shorter.begin(), shorter.end() - 8, ids.begin()));
  EXPECT_EQ(tokenizer().decode(ids), repeat("x", 100000));
}

TEST(ClipTokenizer, DecodesWhatItTokenized) {
  const std::string text = "a caf\xC3\xA9 , 4 \xF0\x9F\x98\x80 's";
  EXPECT_EQ(tokenizer().decode(tokenizer().tokenize(text)), text);
  EXPECT_EQ(tokenizer().decode(tokenizer().encode("A  Cat", 5).ids),
            "<|startoftext|>a cat <|endoftext|><|endoftext|>");
  EXPECT_EQ(tokenizer().decode({}), "");
}

TEST(ClipTokenizer, DecodesPartOfACharacterToAReplacementCharacter) {
  const auto ids = tokenizer().tokenize("\xE2\x91\xA0");
  ASSERT_GT(ids.size(), 1U);
  EXPECT_EQ(tokenizer().decode({ids.front()}), "\xEF\xBF\xBD");
}

TEST(ClipTokenizer, RejectsIdsOutsideTheVocabulary) {
  EXPECT_THROW(tokenizer().decode({49408}), std::invalid_argument);
  EXPECT_THROW(tokenizer().decode({-1}), std::invalid_argument);
}

TEST(ClipTokenizer, RejectsATableThatIsNotClips) {
  const std::string merges(clip_merges());
  EXPECT_NO_THROW(ClipTokenizer{merges});
  EXPECT_THROW(ClipTokenizer(""), std::invalid_argument);
  EXPECT_THROW(ClipTokenizer("\x1F\x8B gzip"), std::invalid_argument);
  EXPECT_THROW(ClipTokenizer(merges.substr(merges.find('\n') + 1)), std::invalid_argument);  // no header
  EXPECT_THROW(ClipTokenizer(merges.substr(0, 100000)), std::invalid_argument);              // cut short
  EXPECT_THROW(ClipTokenizer("#version\n" + merges.substr(0, 5)), std::invalid_argument);    // no merges
  EXPECT_THROW(ClipTokenizer("#version\nzz zz\n"), std::invalid_argument);                   // unknown token
  EXPECT_THROW(ClipTokenizer("#version\ni n\ni n\n"), std::invalid_argument);                // made twice
}

TEST(ClipTokenizer, SaysWhichLineOfTheTableIsWrong) {
  try {
    ClipTokenizer("#version\ni n\nzz h\n");
    FAIL() << "expected an exception";
  } catch (const std::invalid_argument& error) {
    EXPECT_NE(std::string(error.what()).find("line 3"), std::string::npos) << error.what();
    EXPECT_NE(std::string(error.what()).find("'zz'"), std::string::npos) << error.what();
  }
}

TEST(ClipTokenizer, GivesTheSameIdsToManyThreads) {
  const std::string text = "trending on artstation, by greg rutkowski, octane render, 8k, unreal engine";
  const auto expected = tokenizer().encode(text).ids;
  std::vector<int> wrong(4, 0);
  std::vector<std::thread> threads;
  for (auto& count : wrong) {
    threads.emplace_back([&] {
      for (int i = 0; i < 100; ++i) count += tokenizer().encode(text).ids == expected ? 0 : 1;
    });
  }
  for (auto& thread : threads) thread.join();
  EXPECT_EQ(wrong, std::vector<int>(4, 0));
}

}  // namespace
}  // namespace ldm
