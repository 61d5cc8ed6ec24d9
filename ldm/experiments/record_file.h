#pragma once

#include <string>

#include "ldm/experiments/results.h"

namespace ldm::experiments {

/// A record as JSON, in lines.
std::string record_json(const Record& record);

/// Reads what record_json writes; `name` is the file's, for messages. Throws files::FileError for anything
/// else.
Record read_record(const std::string& text, const std::string& name);

}  // namespace ldm::experiments
