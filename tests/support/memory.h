#pragma once

#include <cstdint>
#include <string>

namespace ldm::testing {

/// Memory of this process in bytes, by its name in /proc/self/status: "VmRSS" for all that is resident,
/// "RssFile" for what of that is mapped from files. -1 if there is no such line.
std::int64_t process_memory(const std::string& name);

}  // namespace ldm::testing
