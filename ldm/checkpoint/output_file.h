#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "ldm/files/output_file.h"

namespace ldm::checkpoint {

/// files::OutputFile with this folder's exception: every FileError is thrown as a WriteError.
class OutputFile {
 public:
  OutputFile(const std::string& path, std::uint64_t size);

  void write_at(std::uint64_t offset, const void* data, std::size_t size);
  void write_at(std::uint64_t offset, std::string_view bytes) {
    write_at(offset, bytes.data(), bytes.size());
  }
  void commit();

 private:
  files::OutputFile file_;
};

}  // namespace ldm::checkpoint
