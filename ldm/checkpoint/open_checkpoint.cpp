#include "ldm/checkpoint/open_checkpoint.h"

#include <memory>
#include <utility>

#include "ldm/checkpoint/bytes.h"
#include "ldm/checkpoint/mapped_file.h"
#include "ldm/checkpoint/safetensors.h"
#include "ldm/checkpoint/sniff.h"
#include "ldm/checkpoint/torch_legacy.h"
#include "ldm/checkpoint/torch_zip.h"

namespace ldm::checkpoint {

StateDict open_checkpoint(const std::string& path, MmapChoice mmap) {
  return read_checkpoint(MappedFile::open(path, mmap));
}

StateDict read_checkpoint(std::shared_ptr<MappedFile> file) {
  switch (sniff({file->data(), file->size()}, file->path())) {
    case FileForm::kZip:
      return read_torch_zip(std::move(file));
    case FileForm::kTorchLegacy:
      return read_torch_legacy(std::move(file));
    case FileForm::kSafetensors:
      break;
  }
  return read_safetensors(std::move(file));
}

}  // namespace ldm::checkpoint
