#pragma once

#include <string>

namespace ldm::experiments {

/// Who works on which cell, among all processes that share a run's folder: a lock on a byte of one file for
/// each cell, so that a claim ends with the process that has it, however that ends. Claims of one object do
/// not exclude each other.
class Claims {
 public:
  /// `path`: the file, which is made where it is missing. Throws files::WriteError.
  explicit Claims(const std::string& path);
  ~Claims();
  Claims(const Claims&) = delete;
  Claims& operator=(const Claims&) = delete;

  /// Whether this object now has the claim on a key (hexadecimal digits, 15 or more); false if another
  /// process has it.
  bool try_claim(const std::string& key);
  void release(const std::string& key);
  /// Whether nobody else has this file open as Claims; asked once, before any claim.
  bool is_alone();

 private:
  std::string path_;
  int fd_ = -1;
};

}  // namespace ldm::experiments
