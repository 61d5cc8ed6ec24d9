#pragma once

#include <string>

namespace ldm::files {

/// A folder that appears under its name only when it is whole: filled under a temporary name beside it, then
/// renamed by a commit. An object that goes without a commit removes what was written. Not for use by two
/// threads at once.
class NewFolder {
 public:
  /// Creates the temporary folder. Throws WriteError if `path` is in use by anything but an empty folder, or
  /// nothing can be created beside it.
  explicit NewFolder(const std::string& path);
  ~NewFolder();
  NewFolder(const NewFolder&) = delete;
  NewFolder& operator=(const NewFolder&) = delete;

  /// Where to write until the commit.
  const std::string& temporary_path() const { return temporary_; }

  /// Creates a folder inside and gives its temporary path. Throws WriteError.
  std::string create(const std::string& name) const;

  /// Gives the folder its name; an empty folder that has it is replaced. Throws WriteError, also if the name
  /// has come into use meanwhile.
  void commit();

 private:
  std::string path_, temporary_;
  bool committed_ = false;
};

}  // namespace ldm::files
