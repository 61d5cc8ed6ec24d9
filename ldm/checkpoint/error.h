#pragma once

#include <stdexcept>

namespace ldm::checkpoint {

/// Every failure of this folder: a file that is missing, damaged, hostile or of a form we do not read, a
/// tensor that is not there, a disk that is full. The text names the file and, where there is one, the entry,
/// the key or the byte, says what was expected and what was found, and what to do.
class CheckpointError : public std::runtime_error {
 public:
  using std::runtime_error::runtime_error;
};

/// A file that cannot be written: a folder without the right to, a full disk.
class WriteError : public CheckpointError {
 public:
  using CheckpointError::CheckpointError;
};

}  // namespace ldm::checkpoint
