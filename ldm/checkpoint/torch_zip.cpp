#include "ldm/checkpoint/torch_zip.h"

#include <algorithm>
#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "ldm/checkpoint/bytes.h"
#include "ldm/checkpoint/cut_zip.h"
#include "ldm/checkpoint/error.h"
#include "ldm/checkpoint/state_dict_parts.h"
#include "ldm/checkpoint/zip_contents.h"
#include "ldm/checkpoint/zip_directory.h"
#include "ldm/checkpoint/zip_format.h"
#include "ldm/checkpoint/zip_storages.h"

namespace ldm::checkpoint {
namespace {

[[noreturn]] void fail(const std::string& path, const std::string& what) {
  throw CheckpointError("'" + path + "': " + what);
}

/// The first entry whose name is that of a checkpoint; empty if there is none.
std::string find_checkpoint_inside(const ZipDirectory& zip) {
  for (const ZipEntry& entry : zip.entries()) {
    for (const std::string_view end : {".safetensors", ".ckpt", ".pth", ".pt", ".bin"}) {
      const std::string_view name = entry.name;
      if (name.size() > end.size() && name.substr(name.size() - end.size()) == end) return entry.name;
    }
  }
  return "";
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
  if (!root.empty()) return root;
  const std::string inside = find_checkpoint_inside(zip);
  const std::string what = "expected a PyTorch file, got a zip file without an entry ROOT/data.pkl";
  if (!inside.empty()) fail(path, what + ": unpack it first, it holds '" + printable(inside) + "'");
  fail(path, what + ", and none of its " + std::to_string(zip.entries().size()) +
                 " entries is called like a checkpoint");
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
  const std::string_view little = "little";
  const bool may_be = zip.entries()[static_cast<std::size_t>(index)].size == little.size();
  if (may_be && read_zip_entry(zip, static_cast<std::size_t>(index)).view.text() == little) return;
  fail(path, "expected byte order 'little' in the zip entry '" + printable(root) +
                 "byteorder', got another: load and save the file with PyTorch on a little-endian machine");
}

TorchPickle read_pickle(const ZipDirectory& zip, const std::string& root, const std::string& path,
                        TorchPart part) {
  const auto index = static_cast<std::size_t>(zip.find(root + "data.pkl"));
  if (zip.entries()[index].size > kMaxPickleSize) {
    fail(path, "expected a data.pkl of at most " + std::to_string(kMaxPickleSize) + " bytes, got " +
                   std::to_string(zip.entries()[index].size));
  }
  const ZipBytes bytes = read_zip_entry(zip, index);
  return read_torch_pickle(bytes.view, "'" + path + "': " + printable(zip.entries()[index].name),
                           TorchForm::kZip, part);
}

ZipDirectory read_directory(const MappedFile& file) {
  const ByteView bytes{file.data(), file.size()};
  try {
    return ZipDirectory(bytes, file.path());
  } catch (const CutZipError& error) {
    const std::uint64_t missing = missing_bytes_of_cut_zip(bytes);
    const std::string count =
        missing > 0 ? "; at least " + std::to_string(missing) + " bytes are missing" : "";
    throw CheckpointError(error.what() + count + ": download it again");
  }
}

/// The checksum of every entry.
std::vector<FileCheck> make_checks(const std::shared_ptr<const ZipDirectory>& zip,
                                   const std::shared_ptr<MappedFile>& file) {
  std::vector<FileCheck> checks;
  for (std::size_t i = 0; i < zip->entries().size(); ++i) {
    const ZipEntry& entry = zip->entries()[i];
    const auto run = [zip, file, i] {
      verify_zip_entry(*zip, i,
                       [&](std::uint64_t offset, std::uint64_t size) { file->release(offset, size); });
      file->check_whole();
    };
    checks.push_back({"zip entry '" + printable(entry.name) + "'", entry.packed_size, run});
  }
  return checks;
}

/// A tensor cannot be larger than the file or what is in it.
std::uint64_t size_limit(const ZipDirectory& zip) {
  std::uint64_t total = 0;
  for (const ZipEntry& entry : zip.entries()) {
    if (entry.method == zip::kDeflated) total += entry.size;
  }
  return std::max<std::uint64_t>(total, zip.file().size);
}

}  // namespace

StateDict read_torch_zip(std::shared_ptr<MappedFile> file, TorchPart part) {
  const std::string& path = file->path();
  const auto zip = std::make_shared<const ZipDirectory>(read_directory(*file));
  const std::string root = find_root(*zip, path);
  refuse_torchscript(*zip, root, path);
  check_byte_order(*zip, root, path);
  TorchPickle pickle = read_pickle(*zip, root, path, part);

  StateDictParts parts;
  std::vector<std::size_t> entries;
  ZipStorages storages(zip, root, path);
  const std::uint64_t limit = size_limit(*zip);
  for (TensorRecord& record : pickle.tensors) {
    entries.push_back(storages.find(record));
    parts.infos.push_back(make_tensor_info(record, limit, path));
    parts.infos.back().packed = zip->entries()[entries.back()].method == zip::kDeflated;
    parts.names.push_back(std::move(record.name));
  }
  parts.format = "pytorch-zip";
  parts.notes = std::move(pickle.notes);
  parts.notes.remarks = storages.remarks();
  parts.checks = make_checks(zip, file);
  parts.unpack = [unpacked = std::make_shared<UnpackedStorages>(zip), entries](std::size_t i) {
    return unpacked->get(entries[i]);
  };
  parts.data_start = [zip, entries = std::move(entries)](std::size_t i) {
    return static_cast<std::int64_t>(zip->data_offset(entries[i]));
  };
  parts.file = std::move(file);
  return make_state_dict(std::move(parts));
}

}  // namespace ldm::checkpoint
