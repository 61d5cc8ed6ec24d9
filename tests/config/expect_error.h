#pragma once

#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "ldm/config/config.h"

namespace ldm::testing {

/// The message of the ConfigError that `action` throws; a failure of the test if it throws none.
template <typename Action>
std::string config_error(Action action) {
  try {
    action();
  } catch (const config::ConfigError& error) {
    return error.what();
  }
  ADD_FAILURE() << "expected a ConfigError, got none";
  return "";
}

inline void expect_contains(const std::string& text, const std::vector<std::string>& parts) {
  for (const std::string& part : parts) {
    EXPECT_NE(text.find(part), std::string::npos) << "'" << part << "' is not in: " << text;
  }
}

}  // namespace ldm::testing
