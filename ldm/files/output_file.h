#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

namespace ldm::files {

/// A file that appears under its name only when it is whole: written under a temporary name in the same
/// folder, then flushed to the disk and given its name by a commit. An object that goes without a commit
/// removes the temporary file. Not for use by two threads at once.
class OutputFile {
 public:
  /// Creates the temporary file and reserves `size` bytes, so that a full disk shows before any work is done.
  /// Throws WriteError if the folder is missing or not writable, `path` is a directory, or the disk is full
  /// (with the bytes needed and the bytes free).
  OutputFile(std::string path, std::uint64_t size);
  ~OutputFile();
  OutputFile(const OutputFile&) = delete;
  OutputFile& operator=(const OutputFile&) = delete;

  /// Writes bytes at a position; they must lie inside the size. Throws WriteError.
  void write_at(std::uint64_t offset, const void* data, std::size_t size);
  void write_at(std::uint64_t offset, std::string_view bytes) {
    write_at(offset, bytes.data(), bytes.size());
  }

  /// Gives the file its name. A file that had the name before stays whole until this moment and is then gone;
  /// mapped memory of it stays valid. Throws WriteError.
  void commit();

  /// Gives the file the name `path`, in the same folder, unless anything has that name: then nothing changes,
  /// the answer is false, and another name may be tried. Of several programs that try the same name at the
  /// same moment one gets it. Throws WriteError.
  bool commit_as_new(const std::string& path);

 private:
  void reserve();
  void flush();
  void close();
  [[noreturn]] void fail(const std::string& step, int error) const;

  std::string path_;
  std::string temporary_;
  std::uint64_t size_;
  int fd_ = -1;
  bool flushed_ = false;
};

/// Writes a whole new file at once. Throws WriteError as OutputFile does, and if anything has the name
/// already.
void write_new_file(const std::string& path, std::string_view bytes);

/// Writes a whole file at once, in place of one that has the name. Throws WriteError as OutputFile does.
void replace_file(const std::string& path, std::string_view bytes);

/// Makes sure that files can be created in a folder, by creating one that is removed at once. Throws
/// WriteError.
void check_writable(const std::string& folder);

/// The name (without its folder) of a file or folder that is not whole yet, for a number that is drawn anew
/// where the name is in use.
std::string temporary_name(unsigned number);

/// Whether this file name (without its folder) is one that OutputFile gives to files that are not whole yet.
bool is_temporary_name(std::string_view name);

}  // namespace ldm::files
