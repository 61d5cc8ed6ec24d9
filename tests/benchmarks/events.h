#pragma once

#include <sys/resource.h>

#include <iostream>
#include <nlohmann/json.hpp>

namespace ldm::benchmarks {

/// The most memory that the process has had resident so far, with the pages of the files that it maps.
inline double peak_resident_gb() {
  struct rusage usage {};
  ::getrusage(RUSAGE_SELF, &usage);
  return static_cast<double>(usage.ru_maxrss) * 1024 / 1e9;
}

/// Writes an event with the peak resident memory as a line of JSON, for the script that drives this process.
inline void report(nlohmann::json event) {
  event["peak_resident_gb"] = peak_resident_gb();
  std::cout << event.dump() << std::endl;
}

}  // namespace ldm::benchmarks
