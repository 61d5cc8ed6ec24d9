#include "ldm/config/config.h"

#include <gtest/gtest.h>

#include <cmath>
#include <cstdint>
#include <fstream>
#include <limits>
#include <string>
#include <vector>

#include "tests/config/expect_error.h"
#include "tests/support/paths.h"

namespace {

using ldm::config::Config;
using ldm::config::Node;
using ldm::testing::config_error;
using ldm::testing::expect_contains;

Config parse(const std::string& text) {
  return Config::from_text(text, "x.yaml");
}

Node value(const std::string& yaml) {
  return parse("a: " + yaml + "\n").root().at("a");
}

std::string parse_error(const std::string& text) {
  return config_error([&] { parse(text); });
}

std::string write_file(const std::string& name, const std::string& content) {
  const std::string path = ldm::testing::temp_dir() + "/" + name;
  std::ofstream(path, std::ios::binary) << content;
  return path;
}

TEST(Node, UndefinedIsNothing) {
  const Node node;
  EXPECT_FALSE(node.defined() || node.is_map() || node.is_list() || node.is_null() || node.is_scalar());
  EXPECT_FALSE(node.has("a"));
  expect_contains(config_error([&] { node.as_integer(); }), {"expected an integer, got nothing"});
}

TEST(Node, TellsItsKind) {
  EXPECT_TRUE(value("{b: 1}").is_map());
  EXPECT_TRUE(value("[1]").is_list());
  EXPECT_TRUE(value("1").is_scalar());
  EXPECT_FALSE(value("1").is_null());
}

TEST(Node, NullIsWrittenInFiveWays) {
  for (const char* text : {"", "~", "null", "Null", "NULL"}) EXPECT_TRUE(value(text).is_null()) << text;
  EXPECT_TRUE(value("'null'").is_scalar());
}

TEST(Node, KnowsFileLineAndPath) {
  const Config config = parse("model:\n\n  # a comment\n  params:\n    ch_mult:\n    - 1\n    - x: 2\n");
  const Node params = config.root().at("model").at("params");
  EXPECT_EQ(params.where(), "x.yaml:4: key 'model.params'");
  const Node inner = params.at("ch_mult").items().at(1).at("x");
  EXPECT_EQ(inner.key_path(), "model.params.ch_mult.1.x");
  EXPECT_EQ(inner.where(), "x.yaml:7: key 'model.params.ch_mult.1.x'");
  EXPECT_EQ(config.root().where(), "x.yaml");
}

TEST(Node, OutlivesItsConfig) {
  const Node node = value("[1, 2]");
  EXPECT_EQ(node.items().at(1).as_integer(), 2);
}

TEST(Node, MissingKeyNamesTheKeysThere) {
  const Node root = parse("b: 1\na: 2\n").root();
  EXPECT_EQ(config_error([&] { root.at("c"); }), "x.yaml: expected the key 'c', got only the keys b, a");
  EXPECT_EQ(config_error([&] { root.at("a").at("c"); }),
            "x.yaml:2: key 'a': expected a map with the key 'c', got '2'");
}

TEST(Node, KeysKeepTheOrderOfTheFile) {
  EXPECT_EQ(parse("z: 1\na: 2\nm: 3\n").root().keys(), (std::vector<std::string>{"z", "a", "m"}));
}

TEST(Node, KeysAndItemsRefuseOtherKinds) {
  expect_contains(config_error([] { value("[1]").keys(); }), {"expected a map, got a list"});
  expect_contains(config_error([] { value("{b: 1}").items(); }), {"expected a list, got a map"});
}

TEST(Node, ReadsIntegers) {
  EXPECT_EQ(value("10000000000000").as_integer(), 10000000000000);
  EXPECT_EQ(value("-3").as_integer(), -3);
  EXPECT_EQ(value("+3").as_integer(), 3);
  EXPECT_EQ(value("1e3").as_integer(), 1000);
  EXPECT_EQ(value("4.0").as_integer(), 4);
  EXPECT_EQ(value("9223372036854775807").as_integer(), std::numeric_limits<std::int64_t>::max());
  EXPECT_EQ(value("-9223372036854775808").as_integer(), std::numeric_limits<std::int64_t>::min());
}

TEST(Node, ReadsTheIntegersOfYaml11) {
  EXPECT_EQ(value("0x1F").as_integer(), 31);
  EXPECT_EQ(value("0b101").as_integer(), 5);
  EXPECT_EQ(value("010").as_integer(), 8);
  EXPECT_EQ(value("1_000").as_integer(), 1000);
}

TEST(Node, RefusesWhatIsNoInteger) {
  for (const char* text : {"abc", "1.5", "9223372036854775808", "1e400", "0x", "+-1", "--1", "1 2", "'1'",
                           "true", "~", "[1]", ".inf", ".nan", "inf", "nan"}) {
    expect_contains(config_error([&] { value(text).as_integer(); }),
                    {"x.yaml:1: key 'a': expected an integer, got "});
  }
  expect_contains(config_error([] { value("'1'").as_integer(); }), {"got the text '1'"});
}

TEST(Node, ReadsReals) {
  EXPECT_EQ(value("1.0e-04").as_real(), 1e-4);
  EXPECT_EQ(value("1.e-6").as_real(), 1e-6);
  EXPECT_EQ(value("1e-4").as_real(), 1e-4);
  EXPECT_EQ(value("1.").as_real(), 1.0);
  EXPECT_EQ(value(".5").as_real(), 0.5);
  EXPECT_EQ(value("-0.18215").as_real(), -0.18215);
  EXPECT_EQ(value("7").as_real(), 7.0);
}

TEST(Node, ReadsInfinityAndNan) {
  EXPECT_EQ(value("-.inf").as_real(), -std::numeric_limits<double>::infinity());
  EXPECT_TRUE(std::isnan(value(".nan").as_real()));
}

TEST(Node, RefusesWhatIsNoReal) {
  for (const char* text : {"abc", "1,5", ".", "1e", "1e400", "'1.0'", "yes", "~", "inf", "0x1p3", "1.2.3"}) {
    expect_contains(config_error([&] { value(text).as_real(); }), {"key 'a': expected a number, got "});
  }
}

TEST(Node, ReadsBooleansAsPyYamlDoes) {
  for (const char* text : {"true", "True", "TRUE", "yes", "Yes", "on", "ON"})
    EXPECT_TRUE(value(text).as_boolean());
  for (const char* text : {"false", "False", "FALSE", "no", "No", "off", "OFF"}) {
    EXPECT_FALSE(value(text).as_boolean()) << text;
  }
  for (const char* text : {"'true'", "1", "y", "tRUE", "~"}) {
    expect_contains(config_error([&] { value(text).as_boolean(); }), {"expected true or false, got "});
  }
}

TEST(Node, ReadsText) {
  EXPECT_EQ(value("\"jpg\"").as_text(), "jpg");
  EXPECT_EQ(value("val/loss_simple_ema").as_text(), "val/loss_simple_ema");
  EXPECT_EQ(value("''").as_text(), "");
  EXPECT_EQ(value("!!str 12").as_text(), "12");
  EXPECT_EQ(value("'64'").as_text(), "64");
}

TEST(Node, RefusesWhatIsNoText) {
  expect_contains(config_error([] { value("~").as_text(); }), {"key 'a': expected a text, got null"});
  expect_contains(config_error([] { value("64").as_text(); }),
                  {"expected a text, got the number 64", "quotes"});
  expect_contains(config_error([] { value("no").as_text(); }), {"expected a text, got the boolean no"});
  expect_contains(config_error([] { value("[x]").as_text(); }), {"expected a text, got a list"});
}

TEST(Node, GivesScalarsAsTheyAreWritten) {
  for (const char* text : {"1e-3", "7.50", "007", "on", "False", ".inf", "a fox", "12:30"}) {
    EXPECT_EQ(value(text).as_written(), text);
  }
  EXPECT_EQ(value("'1e-3'").as_written(), "1e-3");
  EXPECT_EQ(value("\"a\\tb\"").as_written(), "a\tb");
  EXPECT_EQ(value("''").as_written(), "");
  EXPECT_EQ(value("'null'").as_written(), "null");
}

TEST(Node, NothingButScalarsIsAsWritten) {
  expect_contains(config_error([] { value("[1]").as_written(); }),
                  {"x.yaml:1: key 'a': expected a single value, got a list"});
  expect_contains(config_error([] { value("{b: 1}").as_written(); }), {"expected a single value, got a map"});
  expect_contains(config_error([] { value("~").as_written(); }), {"expected a single value, got null"});
  expect_contains(config_error([] { Node().as_written(); }), {"expected a single value, got nothing"});
  expect_contains(config_error([] { value("${b}").as_written(); }), {"got the interpolation '${b}'"});
}

TEST(Config, EmptyTextIsAnEmptyMap) {
  for (const char* text : {"", "# only a comment\n", "---\n"})
    EXPECT_TRUE(parse(text).root().is_map()) << text;
}

TEST(Config, TopMustBeAMap) {
  expect_contains(parse_error("- 1\n"), {"x.yaml: expected a map of keys at the top level, got a list"});
  expect_contains(parse_error("abc\n"), {"got 'abc'"});
}

TEST(Config, SyntaxErrorNamesTheLine) {
  expect_contains(parse_error("a: 1\nb: [1, 2\n"), {"x.yaml:3", "expected valid YAML, got a syntax error: "});
  expect_contains(parse_error("a: 1\n  b: 2\n"), {"x.yaml:2"});
}

TEST(Config, RefusesDuplicateKeys) {
  EXPECT_EQ(parse_error("m:\n  a: 1\n  b: 2\n  a: 3\n"),
            "x.yaml:4: expected each key once, got 'a' a second time (first in line 2)");
}

TEST(Config, RefusesInterpolationWhereItIsRead) {
  const Node b = parse("a: 1\nb: ${a}\nc: 2\n").root().at("b");
  const std::vector<std::string> parts{"x.yaml:2: key 'b'", "got the interpolation '${a}'", "not supported"};
  expect_contains(config_error([&] { b.as_text(); }), parts);
  expect_contains(config_error([&] { b.as_integer(); }), parts);
  expect_contains(config_error([&] { b.as_real(); }), parts);
  expect_contains(config_error([&] { b.as_boolean(); }), parts);
  expect_contains(config_error([] { value("'x ${a.b}'").as_text(); }), {"not supported"});
}

TEST(Config, RefusesTagsSecondDocumentsAndKeysThatAreNoText) {
  expect_contains(parse_error("a: !!python/object:os.system x\n"),
                  {"x.yaml:1: ", "expected plain YAML, got a value tagged"});
  expect_contains(parse_error("a: 1\n---\nb: 2\n"), {"expected one YAML document"});
  expect_contains(parse_error("? [1, 2]\n: 3\n"), {"expected a text as key, got a list"});
  expect_contains(parse_error("~: 3\n"), {"expected a text as key, got null"});
}

TEST(Config, AliasesShareTheValueUnderTheirOwnPath) {
  const Node root = parse("a: &x\n  n: 1\nb: *x\n").root();
  EXPECT_EQ(root.at("b").at("n").as_integer(), 1);
  EXPECT_EQ(root.at("b").where(), "x.yaml:3: key 'b'");
  EXPECT_EQ(root.at("b").at("n").where(), "x.yaml:2: key 'b.n'");
}

TEST(Config, MergeKeysGiveWhatTheMapLacks) {
  const Node root = parse("a: &x {n: 1, m: 2}\nc: &y {m: 5, k: 6}\nb:\n  <<: [*x, *y]\n  n: 3\n").root();
  EXPECT_EQ(root.at("b").at("n").as_integer(), 3);
  EXPECT_EQ(root.at("b").at("m").as_integer(), 2);
  EXPECT_EQ(root.at("b").at("k").as_integer(), 6);
  expect_contains(parse_error("b:\n  <<: 4\n"), {"x.yaml:2: expected a map to merge (<<), got '4'"});
}

TEST(Config, RefusesAnAliasOfItself) {
  expect_contains(parse_error("a: &x [*x]\n"), {"x.yaml:1: expected an alias of a finished value"});
}

TEST(Config, RefusesAliasBombs) {
  std::string text = "a0: &a0 [1, 1, 1, 1, 1, 1, 1, 1, 1, 1]\n";
  for (int i = 1; i < 12; ++i) {
    const std::string alias = "*a" + std::to_string(i - 1);
    text += "a" + std::to_string(i) + ": &a" + std::to_string(i) + " [" + alias;
    for (int k = 0; k < 9; ++k) text += ", " + alias;
    text += "]\n";
  }
  expect_contains(parse_error(text), {"expected at most 1000000 values"});
}

TEST(Config, RefusesMergeBombs) {
  std::string text = "a: &a {";
  for (int i = 0; i < 2000; ++i) text += "k" + std::to_string(i) + ": 1, ";
  text += "}\nb:\n";
  for (int i = 0; i < 1000; ++i) text += "- {<<: *a}\n";
  expect_contains(parse_error(text), {"expected at most 1000000 values"});
}

TEST(Config, RefusesDeepNesting) {
  const std::string open(98, '['), close(98, ']');
  EXPECT_TRUE(parse("a: " + open + "1" + close).root().at("a").is_list());
  expect_contains(parse_error("a: " + open + "[[1]]" + close), {"at most 100 levels"});
  expect_contains(parse_error("a: " + std::string(900000, '[')), {"x.yaml:1: expected "});
}

TEST(Config, RefusesDeepNestingThroughAliases) {
  const std::string open(60, '['), close(60, ']');
  expect_contains(parse_error("a: &a " + open + close + "\nb: " + open + "*a" + close + "\n"),
                  {"at most 100 levels"});
}

TEST(Config, RefusesLargeFiles) {
  const std::string path = write_file("large.yaml", "a: 1\n#" + std::string(1000000, 'x'));
  expect_contains(config_error([&] { Config::from_file(path); }),
                  {path + ": expected a config of at most 1000000 bytes"});
}

TEST(Config, ReadsAFile) {
  const std::string path = write_file("small.yaml", "a:\r\n  b: 7\r\n");
  const Node b = Config::from_file(path).root().at("a").at("b");
  EXPECT_EQ(b.as_integer(), 7);
  EXPECT_EQ(b.where(), path + ":2: key 'a.b'");
}

TEST(Config, MissingFileAndFolderAreNamed) {
  const std::string path = ldm::testing::temp_dir() + "/missing.yaml";
  EXPECT_EQ(config_error([&] { Config::from_file(path); }),
            path + ": expected a config file that can be read, got: No such file or directory");
  const std::string folder = ldm::testing::temp_dir();
  EXPECT_EQ(config_error([&] { Config::from_file(folder); }),
            folder + ": expected a config file, got a folder");
}

TEST(V1Config, HoldsTheReferencesValues) {
  const Config config =
      Config::from_file(ldm::testing::project_path("configs/stable-diffusion/v1-inference.yaml"));
  const Node model = config.root().at("model"), params = model.at("params");
  EXPECT_EQ(model.at("base_learning_rate").as_real(), 1e-4);
  EXPECT_EQ(params.at("scale_factor").as_real(), 0.18215);
  EXPECT_EQ(params.at("linear_end").as_real(), 0.012);
  EXPECT_FALSE(params.at("use_ema").as_boolean());
  const Node cycle = params.at("scheduler_config").at("params").at("cycle_lengths").items().at(0);
  EXPECT_EQ(cycle.as_integer(), 10000000000000);
  const Node ddconfig = params.at("first_stage_config").at("params").at("ddconfig");
  EXPECT_EQ(ddconfig.at("ch_mult").items().size(), 4u);
  EXPECT_TRUE(ddconfig.at("attn_resolutions").items().empty());
  EXPECT_FALSE(params.at("cond_stage_config").has("params"));
}

}  // namespace
