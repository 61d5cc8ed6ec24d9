#include "ldm/checkpoint/torch_zip.h"

#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "ldm/checkpoint/bytes.h"
#include "ldm/checkpoint/error.h"
#include "ldm/checkpoint/state_dict_parts.h"
#include "ldm/checkpoint/torch_pickle.h"
#include "ldm/checkpoint/zip_directory.h"

namespace ldm::checkpoint {
namespace {

[[noreturn]] void fail(const std::string& path, const std::string& what) {
  throw CheckpointError("'" + path + "': " + what);
}

/// The one folder at the top of the archive, which every entry lies in, with its slash.
std::string find_root(const ZipDirectory& zip, const std::string& path) {
  constexpr std::string_view kPickle = "/data.pkl";
  std::string root;
  for (const ZipEntry& entry : zip.entries()) {
    const std::size_t slash = entry.name.find('/');
    if (slash == std::string::npos || entry.name.substr(slash) != kPickle) continue;
    if (!root.empty()) fail(path, "expected one pickle ROOT/data.pkl in the zip file, got several");
    root = entry.name.substr(0, slash + 1);
  }
  if (root.empty()) {
    fail(path,
         "expected a PyTorch file, got a zip file without an entry ROOT/data.pkl: if it is an archive that "
         "holds the checkpoint, unpack it first");
  }
  return root;
}

void refuse_torchscript(const ZipDirectory& zip, const std::string& root, const std::string& path) {
  const std::string code = root + "code/";
  bool script = zip.find(root + "constants.pkl") >= 0;
  for (const ZipEntry& entry : zip.entries())
    script = script || entry.name.compare(0, code.size(), code) == 0;
  if (script) {
    fail(path,
         "expected a checkpoint of weights, got a TorchScript archive (a program with its weights): take the "
         ".ckpt or .safetensors file of the model instead");
  }
}

void check_byte_order(const ZipDirectory& zip, const std::string& root, const std::string& path) {
  const std::int64_t index = zip.find(root + "byteorder");
  if (index < 0) return;  // files from before PyTorch 2.1, little-endian in practice
  const std::string_view order = zip.verified(static_cast<std::size_t>(index)).text();
  if (order != "little") fail(path, "expected byte order 'little', got '" + printable(order) + "'");
}

TorchPickle read_pickle(const ZipDirectory& zip, const std::string& root, const std::string& path) {
  const auto index = static_cast<std::size_t>(zip.find(root + "data.pkl"));
  if (zip.entries()[index].size > kMaxPickleSize) {
    fail(path, "expected a data.pkl of at most 256 MiB, got " + std::to_string(zip.entries()[index].size) +
                   " bytes");
  }
  return read_torch_pickle(zip.verified(index), "'" + path + "': " + printable(zip.entries()[index].name));
}

/// The zip entry that holds a tensor's storage, checked to be what the pickle says of it.
std::size_t find_storage(const ZipDirectory& zip, const std::string& root, const TensorRecord& record,
                         const std::string& path) {
  const std::string what = "tensor '" + printable(record.name) + "': expected ";
  const std::string name = root + "data/" + record.storage.key;
  const std::int64_t index = zip.find(name);
  if (index < 0) fail(path, what + "its data in the zip entry '" + printable(name) + "', got no such entry");
  const auto item = static_cast<std::uint64_t>(c10::elementSize(record.storage.dtype));
  const std::uint64_t size = zip.entries()[static_cast<std::size_t>(index)].size;
  if (size % item != 0 || size / item != static_cast<std::uint64_t>(record.storage.numel)) {
    fail(path, what + std::to_string(record.storage.numel) + " elements of " + std::to_string(item) +
                   " bytes in the zip entry '" + printable(name) + "', got " + std::to_string(size) +
                   " bytes");
  }
  return static_cast<std::size_t>(index);
}

}  // namespace

StateDict read_torch_zip(std::shared_ptr<MappedFile> file) {
  const std::string& path = file->path();
  auto zip = std::make_shared<const ZipDirectory>(ByteView{file->data(), file->size()}, path);
  const std::string root = find_root(*zip, path);
  refuse_torchscript(*zip, root, path);
  check_byte_order(*zip, root, path);
  TorchPickle pickle = read_pickle(*zip, root, path);

  StateDictParts parts;
  std::vector<std::size_t> entries;
  for (TensorRecord& record : pickle.tensors) {
    entries.push_back(find_storage(*zip, root, record, path));
    parts.infos.push_back(make_tensor_info(record, file->size(), path));
    parts.names.push_back(std::move(record.name));
  }
  parts.format = "pytorch-zip";
  parts.metadata = std::move(pickle.metadata);
  parts.data_start = [zip, entries = std::move(entries)](std::size_t i) {
    return static_cast<std::int64_t>(zip->data_offset(entries[i]));
  };
  parts.file = std::move(file);
  return make_state_dict(std::move(parts));
}

}  // namespace ldm::checkpoint
