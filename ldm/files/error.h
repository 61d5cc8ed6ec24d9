#pragma once

#include <stdexcept>

namespace ldm::files {

/// A file or a folder that cannot be read or written as asked: missing, of another kind, not permitted, too
/// large, a disk that is full. The text names it, says what was expected and what was found, and what to do.
class FileError : public std::runtime_error {
 public:
  using std::runtime_error::runtime_error;
};

/// One that cannot be written: a kind of its own, so that programs can tell it from one that cannot be read.
class WriteError : public FileError {
 public:
  using FileError::FileError;
};

}  // namespace ldm::files
