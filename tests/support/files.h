#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace ldm::testing {

/// A folder of its own for each call, inside the test process's folder.
std::string new_folder();

/// Writes bytes to a file and gives its path back.
std::string write_file(const std::string& path, std::string_view bytes);
std::string read_file(const std::string& path);

/// Names of what lies in a folder, sorted.
std::vector<std::string> files_in(const std::string& folder);

/// The text of the exception that `action` throws if it is an `Error`, "" if nothing is thrown.
template <typename Error, typename Action>
std::string error_of(const Action& action) {
  try {
    action();
  } catch (const Error& error) {
    return error.what();
  }
  return "";
}

}  // namespace ldm::testing
