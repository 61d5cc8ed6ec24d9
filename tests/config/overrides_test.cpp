#include <gtest/gtest.h>

#include <string>

#include "ldm/config/config.h"
#include "tests/config/expect_error.h"

namespace {

using ldm::config::Config;
using ldm::config::Node;
using ldm::testing::config_error;
using ldm::testing::expect_contains;

Config parse(const std::string& text) {
  return Config::from_text(text, "x.yaml");
}

std::string override_error(const std::string& text, const std::string& override_text) {
  Config config = parse(text);
  return config_error([&] { config.apply_overrides({override_text}); });
}

TEST(Overrides, SetValuesOfEveryKind) {
  Config config = parse("a:\n  b: 1\n  c: [1, 2, 3]\n");
  config.apply_overrides({"a.b=2", "a.c.1=x=y", "d=[1, 2]", "e=null", "f=", "g='1'"});
  const Node root = config.root();
  EXPECT_EQ(root.at("a").at("b").as_integer(), 2);
  EXPECT_EQ(root.at("a").at("c").items().at(1).as_text(), "x=y");
  EXPECT_EQ(root.at("a").at("c").items().at(2).as_integer(), 3);
  EXPECT_EQ(root.at("d").items().size(), 2u);
  EXPECT_TRUE(root.at("e").is_null() && root.at("f").is_null());
  EXPECT_EQ(root.at("g").as_text(), "1");
}

TEST(Overrides, MakeMissingMaps) {
  Config config = parse("a: ~\n");
  config.apply_overrides({"a.b.c=1", "x.y=2"});
  EXPECT_EQ(config.root().at("a").at("b").at("c").as_integer(), 1);
  EXPECT_EQ(config.root().at("x").at("y").as_integer(), 2);
}

TEST(Overrides, LaterOnesWin) {
  Config config = parse("a: 1\n");
  config.apply_overrides({"a=2", "a=3"});
  EXPECT_EQ(config.root().at("a").as_integer(), 3);
}

TEST(Overrides, MapsAreMerged) {
  Config config = parse("a: {b: 1, c: {d: 2, e: 3}}\n");
  config.apply_overrides({"a={c: {e: 4}, f: 5}"});
  const Node a = config.root().at("a");
  EXPECT_EQ(a.at("b").as_integer(), 1);
  EXPECT_EQ(a.at("c").at("d").as_integer(), 2);
  EXPECT_EQ(a.at("c").at("e").as_integer(), 4);
  EXPECT_EQ(a.at("f").as_integer(), 5);
}

TEST(Overrides, ReachOneUseOfAnAlias) {
  Config config = parse("a: &x {n: 1}\nb: *x\n");
  config.apply_overrides({"b.n=2"});
  EXPECT_EQ(config.root().at("a").at("n").as_integer(), 1);
  EXPECT_EQ(config.root().at("b").at("n").as_integer(), 2);
}

TEST(Overrides, AreNamedByTheirValues) {
  Config config = parse("a: {b: 1, d: 2}\n");
  config.apply_overrides({"a.b=c"});
  EXPECT_EQ(config_error([&] { config.root().at("a").at("b").as_integer(); }),
            "override 'a.b=c': key 'a.b': expected an integer, got 'c'");
  EXPECT_EQ(config.root().at("a").at("d").where(), "x.yaml:1: key 'a.d'");
}

TEST(Overrides, DoNotTouchACopyOrItsNodes) {
  const Config original = parse("a: {b: 1}\n");
  const Node before = original.root().at("a");
  Config copy = original;
  copy.apply_overrides({"a.b=2"});
  EXPECT_EQ(copy.root().at("a").at("b").as_integer(), 2);
  EXPECT_EQ(original.root().at("a").at("b").as_integer(), 1);
  EXPECT_EQ(before.at("b").as_integer(), 1);
}

TEST(Overrides, AllOrNone) {
  Config config = parse("a: 1\n");
  config_error([&] { config.apply_overrides({"a=2", "broken"}); });
  EXPECT_EQ(config.root().at("a").as_integer(), 1);
}

TEST(Overrides, MalformedOnesAreQuoted) {
  expect_contains(override_error("", "a=]"), {"override 'a=]': expected valid YAML, got a syntax error"});
  EXPECT_EQ(override_error("", "a.b"),
            "override 'a.b': expected KEY=VALUE such as a.b=1, got no equals sign");
  for (const char* text : {"=1", "a..b=1", ".a=1", "a.=1"}) {
    expect_contains(override_error("", text),
                    {std::string("override '") + text + "': ", "expected KEY=VALUE"});
  }
  expect_contains(override_error("", "a.b=[1"),
                  {"override 'a.b=[1': expected valid YAML, got a syntax error"});
}

TEST(Overrides, RefuseToLeadThroughAScalarOrPastAList) {
  EXPECT_EQ(override_error("a: 5\n", "a.b=1"), "override 'a.b=1': expected a map or a list at 'a', got '5'");
  for (const char* text : {"a.2=1", "a.x=1", "a.-1=1", "a.99999999999999999999=1"}) {
    expect_contains(override_error("a: [1, 2]\n", text),
                    {"expected the number of an item of the list 'a', 0 to 2 exclusive, got "});
  }
}

TEST(Overrides, KeepTheLimits) {
  std::string deep = "a";
  for (int i = 0; i < 200; ++i) deep += ".a";
  expect_contains(override_error("", deep + "=1"), {"at most 100 levels"});
  const std::string open(60, '['), close(60, ']');
  expect_contains(override_error("", deep.substr(0, 119) + "=" + open + close), {"at most 100 levels"});
}

}  // namespace
