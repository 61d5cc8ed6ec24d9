#include "ldm/checkpoint/open_checkpoint.h"

#include <algorithm>
#include <array>
#include <memory>
#include <string_view>
#include <utility>

#include "ldm/checkpoint/bytes.h"
#include "ldm/checkpoint/error.h"
#include "ldm/checkpoint/mapped_file.h"
#include "ldm/checkpoint/safetensors.h"
#include "ldm/checkpoint/sharded.h"
#include "ldm/checkpoint/sniff.h"
#include "ldm/checkpoint/torch_legacy.h"
#include "ldm/checkpoint/torch_zip.h"

namespace ldm::checkpoint {

namespace {

/// Names that browsers and download programs give to what they have not finished.
constexpr std::array<std::string_view, 6> kUnfinished{".part",    ".crdownload", ".download",
                                                      ".partial", ".incomplete", ".aria2"};

bool has_unfinished_name(std::string_view path) {
  return std::any_of(kUnfinished.begin(), kUnfinished.end(), [path](std::string_view end) {
    return path.size() > end.size() && path.substr(path.size() - end.size()) == end;
  });
}

StateDict read_file(std::shared_ptr<MappedFile> file, MmapChoice mmap) {
  if (sniff({file->data(), file->size()}, file->path()) == FileForm::kShardIndex) {
    return read_sharded(*file, mmap);
  }
  return read_checkpoint(std::move(file));
}

}  // namespace

StateDict open_checkpoint(const std::string& path, MmapChoice mmap) {
  std::shared_ptr<MappedFile> file = MappedFile::open(path, mmap);
  if (!has_unfinished_name(path)) return read_file(std::move(file), mmap);
  try {
    return read_file(std::move(file), mmap);
  } catch (const CheckpointError& error) {
    throw CheckpointError(std::string(error.what()) + "; by its name the download is not finished");
  }
}

StateDict open_training_state(const std::string& path, MmapChoice mmap) {
  std::shared_ptr<MappedFile> file = MappedFile::open(path, mmap);
  if (sniff({file->data(), file->size()}, path) == FileForm::kZip) {
    return read_torch_zip(std::move(file), TorchPart::kExtras);
  }
  throw CheckpointError("'" + path +
                        "': expected a .ckpt that training wrote (a zip file), got a file of another form");
}

StateDict read_checkpoint(std::shared_ptr<MappedFile> file) {
  switch (sniff({file->data(), file->size()}, file->path())) {
    case FileForm::kZip:
      return read_torch_zip(std::move(file));
    case FileForm::kTorchLegacy:
      return read_torch_legacy(std::move(file));
    case FileForm::kSafetensors:
      return read_safetensors(std::move(file));
    case FileForm::kShardIndex:
      break;
  }
  throw CheckpointError("'" + file->path() + "': expected a file of tensors, got an index of other files");
}

}  // namespace ldm::checkpoint
