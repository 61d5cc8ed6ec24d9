#pragma once

#include <sys/resource.h>
#include <sys/types.h>

#include <string>

namespace ldm::testing {

/// A file system of its own that holds a few bytes, for tests of a full disk. Mounting needs root: a test
/// asks `mounted` first, and skips saying so.
class SmallDisk {
 public:
  /// `bytes` are rounded up to whole pages.
  explicit SmallDisk(std::size_t bytes);
  ~SmallDisk();
  SmallDisk(const SmallDisk&) = delete;
  SmallDisk& operator=(const SmallDisk&) = delete;

  bool mounted() const { return mounted_; }
  const std::string& path() const { return path_; }

 private:
  std::string path_;
  bool mounted_;
};

/// While it lives, no file of this process may grow beyond `bytes`: stands in for a full disk where nothing
/// can be mounted.
class FileSizeLimit {
 public:
  explicit FileSizeLimit(rlim_t bytes);
  ~FileSizeLimit();
  FileSizeLimit(const FileSizeLimit&) = delete;
  FileSizeLimit& operator=(const FileSizeLimit&) = delete;

 private:
  rlimit before_{};
  void (*handler_)(int);
};

/// While it lives, a process of root has an ordinary user's rights over files. Does nothing for other users.
class WithoutRoot {
 public:
  WithoutRoot();
  ~WithoutRoot();
  WithoutRoot(const WithoutRoot&) = delete;
  WithoutRoot& operator=(const WithoutRoot&) = delete;

 private:
  uid_t before_;
};

}  // namespace ldm::testing
