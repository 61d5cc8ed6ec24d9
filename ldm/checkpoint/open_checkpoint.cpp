#include "ldm/checkpoint/open_checkpoint.h"

#include <memory>
#include <utility>

#include "ldm/checkpoint/bytes.h"
#include "ldm/checkpoint/mapped_file.h"
#include "ldm/checkpoint/safetensors.h"
#include "ldm/checkpoint/sniff.h"
#include "ldm/checkpoint/torch_zip.h"

namespace ldm::checkpoint {

StateDict open_checkpoint(const std::string& path, MmapChoice mmap) {
  return read_checkpoint(MappedFile::open(path, mmap));
}

StateDict read_checkpoint(std::shared_ptr<MappedFile> file) {
  const FileForm form = sniff({file->data(), file->size()}, file->path());
  return form == FileForm::kZip ? read_torch_zip(std::move(file)) : read_safetensors(std::move(file));
}

}  // namespace ldm::checkpoint
