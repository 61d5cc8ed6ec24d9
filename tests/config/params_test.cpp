#include "ldm/config/params.h"

#include <gtest/gtest.h>

#include <cstdint>
#include <string>
#include <type_traits>
#include <vector>

#include "tests/config/expect_error.h"

namespace {

using ldm::config::Config;
using ldm::config::Node;
using ldm::config::Params;
using ldm::testing::config_error;
using ldm::testing::expect_contains;

static_assert(!std::is_copy_constructible_v<Params> && !std::is_copy_assignable_v<Params>,
              "a copy would not know what the original has read");

// The node of `params: {...}` on line 2, with one key per line from line 3.
Node node(const std::string& lines) {
  return Config::from_text("# a config\nparams:\n" + lines, "x.yaml").root().at("params");
}

TEST(Params, ReadsEveryType) {
  Params params(node("  i: 3\n  r: 1e-4\n  b: True\n  t: crossattn\n  is: [4, 2, 1]\n  rs: [1., 2]\n"),
                "Target");
  EXPECT_EQ(params.integer("i"), 3);
  EXPECT_EQ(params.real("r"), 1e-4);
  EXPECT_TRUE(params.boolean("b", false));
  EXPECT_EQ(params.text("t"), "crossattn");
  EXPECT_EQ(params.integers("is"), (std::vector<std::int64_t>{4, 2, 1}));
  EXPECT_EQ(params.reals("rs"), (std::vector<double>{1.0, 2.0}));
  EXPECT_EQ(params.target(), "Target");
  EXPECT_NO_THROW(params.finish());
}

TEST(Params, AGivenValueBeatsTheDefault) {
  Params params(node("  i: 3\n  r: 2.5\n  t: x\n  is: [4]\n  rs: []\n"), "Target");
  EXPECT_EQ(params.integer("i", 7), 3);
  EXPECT_EQ(params.real("r", 7), 2.5);
  EXPECT_EQ(params.text("t", "y"), "x");
  EXPECT_EQ(params.integers("is", {1, 2}), (std::vector<std::int64_t>{4}));
  EXPECT_TRUE(params.reals("rs", {1}).empty());
  EXPECT_EQ(params.optional_integer("i"), 3);
  EXPECT_EQ(params.optional_text("t"), "x");
}

TEST(Params, AbsentGivesTheDefault) {
  for (const bool is_undefined : {true, false}) {
    Params params(is_undefined ? Node() : node(""), "Target");
    EXPECT_EQ(params.integer("i", 7), 7);
    EXPECT_EQ(params.real("r", 0.5), 0.5);
    EXPECT_TRUE(params.boolean("b", true));
    EXPECT_EQ(params.text("t", "y"), "y");
    EXPECT_EQ(params.integers("is", {1, 2}), (std::vector<std::int64_t>{1, 2}));
    EXPECT_TRUE(params.reals("rs", {}).empty());
    EXPECT_FALSE(params.optional_integer("o").has_value());
    EXPECT_FALSE(params.optional_node("n").defined());
    EXPECT_NO_THROW(params.finish());
  }
}

TEST(Params, NullCountsAsAbsentWhereThereIsADefault) {
  Params params(node("  i: ~\n  b: null\n  is:\n  n: null\n"), "Target");
  EXPECT_EQ(params.integer("i", 7), 7);
  EXPECT_TRUE(params.boolean("b", true));
  EXPECT_EQ(params.integers("is", {1}), (std::vector<std::int64_t>{1}));
  EXPECT_FALSE(params.optional_text("n").has_value());
  EXPECT_FALSE(params.optional_node("n").defined());
  EXPECT_TRUE(params.node("n").is_null());
  EXPECT_EQ(config_error([&] { params.integer("i"); }),
            "x.yaml:3: key 'params.i': expected an integer, got null");
}

TEST(Params, AMissingKeyNamesWhereWhatAndForWhom) {
  Params params(node("  b: 1\n"), "ldm.Target");
  EXPECT_EQ(config_error([&] { params.integer("ch"); }),
            "x.yaml:2: key 'params': expected the key 'ch' (an integer), which ldm.Target needs, got only "
            "the keys b");
  expect_contains(config_error([&] { params.reals("f_min"); }), {"'f_min' (a list of numbers)"});
  expect_contains(config_error([&] { params.node("unet_config"); }), {"'unet_config' (a value)"});
}

TEST(Params, AMissingKeyWithoutAnyParams) {
  Params undefined(Node(), "ldm.Target");
  EXPECT_EQ(config_error([&] { undefined.text("t"); }),
            "ldm.Target without params: expected the key 't' (a text), which ldm.Target needs, got only the "
            "keys none");
  Params null(node(""), "ldm.Target");
  EXPECT_EQ(config_error([&] { null.real("r"); }),
            "x.yaml:2: key 'params': expected the key 'r' (a number), which ldm.Target needs, got only the "
            "keys none");
}

TEST(Params, AWrongTypeNamesItsLine) {
  Params params(node("  i: abc\n  is: 4\n  js: [1, x]\n  b: 1\n"), "Target");
  EXPECT_EQ(config_error([&] { params.integer("i", 1); }),
            "x.yaml:3: key 'params.i': expected an integer, got 'abc'");
  EXPECT_EQ(config_error([&] { params.integers("is"); }),
            "x.yaml:4: key 'params.is': expected a list, got '4'");
  EXPECT_EQ(config_error([&] { params.integers("js", {}); }),
            "x.yaml:5: key 'params.js.1': expected an integer, got 'x'");
  expect_contains(config_error([&] { params.boolean("b", false); }),
                  {"x.yaml:6", "expected true or false, got '1'"});
}

TEST(Params, MustBeAMap) {
  const Node list = Config::from_text("params: [1]\n", "x.yaml").root().at("params");
  EXPECT_EQ(config_error([&] { Params(list, "Target"); }),
            "x.yaml:1: key 'params': expected a map with the parameters of Target, got a list");
}

TEST(Params, FinishNamesTheFirstUnreadKey) {
  Params params(node("  timesteps: 1000\n  colour: red\n  size: 3\n"), "ldm.Target");
  params.integer("timesteps");
  params.known({"monitor"});
  EXPECT_EQ(config_error([&] { params.finish(); }),
            "x.yaml:4: key 'params.colour': expected a key that ldm.Target knows (timesteps, monitor), got "
            "'colour'");
}

TEST(Params, FinishSuggestsACloseKey) {
  Params params(node("  timestep: 1000\n"), "Target");
  params.integer("timesteps", 1000);
  params.integer("time", 1);
  expect_contains(config_error([&] { params.finish(); }), {"; did you mean 'timesteps'?"});
}

TEST(Params, FinishSuggestsNothingThreeEditsAway) {
  Params params(node("  timesteps_xy: 1\n  ab: 2\n"), "Target");
  params.integer("timesteps", 1);
  const std::string error = config_error([&] { params.finish(); });
  EXPECT_EQ(error.find("did you mean"), std::string::npos) << error;
}

TEST(Params, FinishNamesAnOverride) {
  Config config = Config::from_text("params: {a: 1}\n", "x.yaml");
  config.apply_overrides({"params.size=3"});
  Params params(config.root().at("params"), "Target");
  params.integer("a");
  expect_contains(config_error([&] { params.finish(); }), {"override 'params.size=3': key 'params.size': "});
}

TEST(Params, KnownKeysAreAccountedFor) {
  Params params(node("  monitor: val/rec_loss\n  ckpt_path: ~\n"), "Target");
  params.known({"monitor", "ckpt_path", "never_given"});
  EXPECT_NO_THROW(params.finish());
}

}  // namespace
