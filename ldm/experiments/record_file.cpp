#include "ldm/experiments/record_file.h"

#include <nlohmann/json.hpp>

#include "ldm/files/error.h"

namespace ldm::experiments {
namespace {

/// Calls `visit(name, member)` for each member: one list for writing and reading.
template <typename SomeRecord, typename Visit>
void for_each_member(SomeRecord& record, const Visit& visit) {
  visit("key", record.key);
  visit("picture", record.picture);
  visit("picture_sha256", record.picture_sha256);
  visit("latents", record.latents);
  visit("width", record.width);
  visit("height", record.height);
  visit("steps", record.steps);
  visit("checkpoint_sha256", record.checkpoint_sha256);
  visit("config_sha256", record.config_sha256);
  visit("seconds", record.seconds);
  visit("batch", record.batch);
}

}  // namespace

std::string record_json(const Record& record) {
  nlohmann::ordered_json json;
  for_each_member(record, [&](const char* name, const auto& member) { json[name] = member; });
  return json.dump(2) + "\n";
}

Record read_record(const std::string& text, const std::string& name) {
  Record record;
  try {
    const nlohmann::json json = nlohmann::json::parse(text);
    for_each_member(record,
                    [&](const char* member_name, auto& member) { json.at(member_name).get_to(member); });
  } catch (const nlohmann::json::exception& error) {
    throw files::FileError(name + ": expected a picture's record, got: " + error.what());
  }
  return record;
}

}  // namespace ldm::experiments
