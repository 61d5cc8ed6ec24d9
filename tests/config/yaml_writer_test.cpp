#include "ldm/config/yaml_writer.h"

#include <gmock/gmock.h>

#include "tests/support/paths.h"

namespace ldm::config {
namespace {

Node read(const std::string& yaml, const std::string& name = "x.yaml") {
  return Config::from_text(yaml, name).root();
}

/// Every value with its type, on a line of its own.
std::string described(const Node& node) {
  std::string text;
  if (node.is_map()) {
    for (const std::string& key : node.keys()) text += key + "{" + described(node.at(key)) + "}";
    return "map" + text;
  }
  if (node.is_list()) {
    for (const Node& item : node.items()) text += described(item) + ",";
    return "list[" + text + "]";
  }
  if (node.is_null()) return "null";
  const auto attempt = [](const auto& get) -> std::string {
    try {
      return get();
    } catch (const ConfigError&) {
      return "-";
    }
  };
  return "text " + attempt([&] { return node.as_text(); }) + " integer " +
         attempt([&] { return std::to_string(node.as_integer()); }) + " real " +
         attempt([&] { return std::to_string(node.as_real()); }) + " boolean " +
         attempt([&] { return std::to_string(node.as_boolean()); });
}

void expect_round_trip(const std::string& yaml) {
  const Node node = read(yaml);
  EXPECT_EQ(described(read(to_yaml(node))), described(node)) << to_yaml(node);
}

TEST(YamlWriter, KeepsEveryKindOfScalar) {
  expect_round_trip(R"(
integers: [1, -7, 0x1f, 1_000, 010]
reals: [1.0, 1e-4, 5.0e-05, .inf, -.inf, .nan]
booleans: [true, False, on]
texts: [abc, "true", "12", "1e-4", "null", "~", "", " spaced ", "a: b", "# no comment", "- x", '{', "[", "*a", "&b"]
hard: ["line\nbreak", "tab\t", "quote\"", "\\", "\u00e9\U0001F600", "\x01"]
nothing: null
also: ~
empty_map: {}
empty_list: []
nested: {a: {b: [{c: 1}, [2, 3]]}}
"true": key
"1": key
)");
}

TEST(YamlWriter, KeepsAConfigOfTheProject) {
  const Node node =
      Config::from_file(ldm::testing::project_path("configs/stable-diffusion/v1-inference.yaml")).root();
  EXPECT_EQ(described(read(to_yaml(node))), described(node));
}

TEST(ConfigMerge, LaysMapsOverEachOther) {
  Config config = Config::from_text("a: {b: 1, c: [1, 2]}\nd: 4", "first.yaml");
  config.merge(Config::from_text("a: {c: [3], e: 5}\nd: {f: 6}", "second.yaml"));
  EXPECT_EQ(described(config.root()), described(read("a: {b: 1, c: [3], e: 5}\nd: {f: 6}")));
}

TEST(ConfigMerge, ValuesKeepTheirFiles) {
  Config config = Config::from_text("a:\n  b: 1", "first.yaml");
  config.merge(Config::from_text("a:\n\n  c: 2", "second.yaml"));
  EXPECT_EQ(config.root().at("a").at("b").where(), "first.yaml:2: key 'a.b'");
  EXPECT_EQ(config.root().at("a").at("c").where(), "second.yaml:3: key 'a.c'");
}

}  // namespace
}  // namespace ldm::config
