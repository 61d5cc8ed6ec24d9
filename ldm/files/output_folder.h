#pragma once

#include <cstdint>
#include <string>

namespace ldm::files {

/// Creates a folder to write to, and those above it, where they are missing, and makes sure that files can be
/// created in it. Throws WriteError if something in the path is no folder, or for a lack of rights or space.
void create_output_folder(const std::string& path);

/// Number of things in a folder, hidden ones and folders included, as Python's len(os.listdir(path)); our own
/// files that are not whole yet do not count. Throws FileError if it cannot be read.
std::int64_t count_entries(const std::string& folder);

/// `name` inside `folder`.
std::string join(const std::string& folder, const std::string& name);

}  // namespace ldm::files
