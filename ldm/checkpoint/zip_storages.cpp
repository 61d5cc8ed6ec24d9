#include "ldm/checkpoint/zip_storages.h"

#include "ldm/checkpoint/bytes.h"
#include "ldm/checkpoint/error.h"
#include "ldm/checkpoint/zip_contents.h"

namespace ldm::checkpoint {
namespace {

using c10::ScalarType;

bool is_plain_float(ScalarType dtype) {
  return dtype == ScalarType::Float || dtype == ScalarType::Half || dtype == ScalarType::BFloat16 ||
         dtype == ScalarType::Double;
}

/// The type of `numel` floating-point numbers in `size` bytes that are not what their class says; Undefined
/// if there is none. Two bytes are taken for a float16, which is what such files hold.
ScalarType float_of_size(ScalarType said, std::uint64_t numel, std::uint64_t size) {
  if (!is_plain_float(said) || numel == 0 || size % numel != 0) return ScalarType::Undefined;
  switch (size / numel) {
    case 2:
      return ScalarType::Half;
    case 4:
      return ScalarType::Float;
    case 8:
      return ScalarType::Double;
    default:
      return ScalarType::Undefined;
  }
}

}  // namespace

ZipStorages::ZipStorages(std::shared_ptr<const ZipDirectory> zip, std::string root, std::string path)
    : zip_(std::move(zip)), root_(std::move(root)), path_(std::move(path)) {}

std::size_t ZipStorages::find(TensorRecord& record) {
  const auto fail = [&](const std::string& what) {
    throw CheckpointError("'" + path_ + "': tensor '" + printable(record.name) + "': expected " + what);
  };
  StorageRecord& storage = record.storage;
  const std::string name = root_ + "data/" + storage.key;
  const std::int64_t found = zip_->find(name);
  if (found < 0) fail("its data in the zip entry '" + printable(name) + "', got no such entry");
  const auto index = static_cast<std::size_t>(found);
  const auto item = static_cast<std::uint64_t>(c10::elementSize(storage.dtype));
  const auto numel = static_cast<std::uint64_t>(storage.numel);
  const std::uint64_t size = zip_->entries()[index].size;
  if (size % item == 0 && size / item == numel) return index;
  const ScalarType actual = float_of_size(storage.dtype, numel, size);
  if (actual == ScalarType::Undefined) {
    fail(std::to_string(numel) + " elements of " + std::to_string(item) + " bytes in the zip entry '" +
         printable(name) + "', got " + std::to_string(size) + " bytes");
  }
  changes_[index] = {storage.dtype, actual};
  storage.dtype = record.dtype = actual;
  return index;
}

std::vector<std::string> ZipStorages::remarks() const {
  std::map<Change, std::size_t> counts;
  for (const auto& [index, change] : changes_) ++counts[change];
  std::vector<std::string> texts;
  for (const auto& [change, count] : counts) {
    texts.push_back("storages that are called " + std::string(c10::toString(change.first)) +
                    ", have the size of " + c10::toString(change.second) +
                    " and are read as such: " + std::to_string(count));
  }
  return texts;
}

UnpackedStorages::UnpackedStorages(std::shared_ptr<const ZipDirectory> zip) : zip_(std::move(zip)) {}

UnpackedStorage UnpackedStorages::get(std::size_t index) {
  const std::lock_guard<std::mutex> lock(mutex_);
  UnpackedStorage bytes = held_[index].lock();
  if (!bytes) {
    bytes = unpack_zip_entry(*zip_, index);
    held_[index] = bytes;
  }
  last_ = bytes;
  return bytes;
}

}  // namespace ldm::checkpoint
