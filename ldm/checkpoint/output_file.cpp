#include "ldm/checkpoint/output_file.h"

#include "ldm/checkpoint/error.h"
#include "ldm/files/error.h"

namespace ldm::checkpoint {
namespace {

template <typename Step>
void translated(const Step& step) {
  try {
    step();
  } catch (const files::FileError& error) {
    throw WriteError(error.what());
  }
}

}  // namespace

OutputFile::OutputFile(const std::string& path, std::uint64_t size) try : file_(path, size) {
} catch (const files::FileError& error) {
  throw WriteError(error.what());
}

void OutputFile::write_at(std::uint64_t offset, const void* data, std::size_t size) {
  translated([&] { file_.write_at(offset, data, size); });
}

void OutputFile::commit() {
  translated([&] { file_.commit(); });
}

}  // namespace ldm::checkpoint
