#include "ldm/config/yaml_writer.h"

#include <yaml-cpp/yaml.h>

#include "ldm/config/tree.h"

namespace ldm::config {
namespace {

using detail::Value;

void emit(YAML::Emitter& out, const Value& value) {
  switch (value.kind) {
    case Value::Kind::null:
      out << YAML::Null;
      return;
    case Value::Kind::scalar:
      // The text of a plain scalar decides its type; in quotes it is text, whatever it holds.
      if (!value.plain) out << YAML::DoubleQuoted;
      out << value.text;
      return;
    case Value::Kind::list:
      out << YAML::BeginSeq;
      for (const auto& item : value.items) emit(out, *item);
      out << YAML::EndSeq;
      return;
    case Value::Kind::map:
      out << YAML::BeginMap;
      for (const detail::Entry& entry : value.entries) {
        out << YAML::Key << entry.key << YAML::Value;
        emit(out, *entry.value);
      }
      out << YAML::EndMap;
      return;
  }
}

}  // namespace

std::string to_yaml(const Node& node) {
  YAML::Emitter out;
  emit(out, node.value_ ? *node.value_ : Value());
  return std::string(out.c_str()) + '\n';
}

}  // namespace ldm::config
