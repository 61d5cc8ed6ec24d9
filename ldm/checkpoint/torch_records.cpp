#include "ldm/checkpoint/torch_records.h"

#include <string_view>
#include <utility>

#include "ldm/checkpoint/bytes.h"
#include "ldm/checkpoint/dtype.h"
#include "ldm/checkpoint/error.h"
#include "ldm/checkpoint/tensor_view.h"
#include "ldm/checkpoint/torch_hooks.h"

namespace ldm::checkpoint {
namespace {

// Keys may be shared in a pickle but are copied out of it, so they have a bound of their own.
constexpr std::size_t kMaxKeyLength = 64;

/// The part of a storage that its persistent id names: offset and number of elements.
struct StorageView {
  std::int64_t offset = 0;
  std::int64_t numel = 0;
};

/// Takes the parts of values, with messages that begin with `what`.
class PartReader {
 public:
  explicit PartReader(const std::string& what) : what_(what) {}

  [[noreturn]] void refuse(const std::string& expected) const {
    throw CheckpointError(what_ + ": " + expected);
  }

  c10::ScalarType storage_dtype(const std::string& type) const {
    if (type == "torch.storage.UntypedStorage") return c10::ScalarType::Byte;
    constexpr std::string_view kModule = "torch.";
    const auto dtype = dtype_of_storage_class(std::string_view(type).substr(kModule.size()));
    if (!dtype) refuse("expected a storage class with an element type, got '" + type + "'");
    return *dtype;
  }

  /// The type that a tensor names beside its storage, which must be one of bytes.
  c10::ScalarType tensor_dtype(const Value& value, c10::ScalarType storage) const {
    constexpr std::string_view kModule = "torch.";
    if (value.kind != ValueKind::kGlobal || value.text.size() < kModule.size()) {
      refuse(std::string("expected a dtype, got ") + describe(value.kind));
    }
    const auto dtype = dtype_of_torch_name(std::string_view(value.text).substr(kModule.size()));
    if (!dtype) refuse("expected a dtype that we know, got '" + value.text + "'");
    if (storage != c10::ScalarType::Byte) {
      refuse(std::string("expected an untyped storage under a tensor with a dtype of its own, got one of ") +
             c10::toString(storage));
    }
    return *dtype;
  }

  /// A part of a storage of bytes, counted in whole elements of `size` bytes.
  StorageView whole_items(const StorageView& bytes, std::size_t size) const {
    const auto item = static_cast<std::int64_t>(size);
    if (bytes.offset % item == 0) return {bytes.offset / item, bytes.numel / item};
    refuse("expected a view of the storage at a whole element of " + std::to_string(item) +
           " bytes, got byte " + std::to_string(bytes.offset));
  }

  const std::string& key(const Value& value) const {
    const bool fits =
        value.kind == ValueKind::kText && !value.text.empty() && value.text.size() <= kMaxKeyLength;
    if (!fits) {
      refuse(std::string("expected a storage key of 1 to 64 characters, got ") + describe(value.kind));
    }
    return value.text;
  }

  std::int64_t integer(const Value& value, const char* what) const {
    if (value.kind == ValueKind::kInt && value.integer >= 0) return value.integer;
    refuse(std::string("expected a non-negative integer as ") + what + ", got " +
           (value.kind == ValueKind::kInt ? std::to_string(value.integer) : describe(value.kind)));
  }

  std::vector<std::int64_t> integers(const Value& value, const char* what) const {
    if (value.kind != ValueKind::kTuple || value.items.size() > kMaxDimensions) {
      refuse(std::string("expected a tuple of at most 64 integers as ") + what + ", got " +
             describe(value.kind) + " of " + std::to_string(value.items.size()));
    }
    std::vector<std::int64_t> numbers;
    for (const Value* item : value.items) numbers.push_back(integer(*item, what));
    return numbers;
  }

 private:
  const std::string& what_;
};

StorageView read_storage_view(const Value& storage, std::int64_t numel, const PartReader& reader) {
  const bool whole = storage.items.size() < kLegacyStorageParts || storage.items[5]->kind == ValueKind::kNone;
  if (whole) return {0, numel};
  const Value& view = *storage.items[5];  // (key, offset, number of elements)
  if (view.kind != ValueKind::kTuple || view.items.size() != 3) {
    reader.refuse(std::string("expected None or a tuple of 3 as the view of a storage, got ") +
                  describe(view.kind) + " of " + std::to_string(view.items.size()));
  }
  const StorageView part{reader.integer(*view.items[1], "offset of a storage view"),
                         reader.integer(*view.items[2], "size of a storage view")};
  if (part.offset > numel || part.numel > numel - part.offset) {
    reader.refuse("expected a view inside its storage of " + std::to_string(numel) + " elements, got " +
                  std::to_string(part.numel) + " from element " + std::to_string(part.offset) + " on");
  }
  return part;
}

}  // namespace

StorageRecord read_storage_record(const Value& storage, const std::string& what) {
  const PartReader reader(what);
  return {reader.key(*storage.items[2]), reader.storage_dtype(storage.items[1]->text),
          reader.integer(*storage.items[4], "storage size")};
}

TensorRecord read_tensor_record(const std::string& name, const Value& tensor, const std::string& label) {
  const std::string what = label + ": tensor '" + printable(name) + "'";
  const PartReader reader(what);
  TensorRecord record;
  record.name = name;
  record.storage = read_storage_record(*tensor.items[0], what);
  record.dtype = record.storage.dtype;
  StorageView part = read_storage_view(*tensor.items[0], record.storage.numel, reader);
  if (tensor.items.size() > kUntypedTensorParts) {
    record.dtype = reader.tensor_dtype(*tensor.items[kUntypedTensorParts], record.storage.dtype);
    part = reader.whole_items(part, c10::elementSize(record.dtype));
  }
  record.offset = reader.integer(*tensor.items[1], "storage offset");
  record.sizes = reader.integers(*tensor.items[2], "sizes");
  record.strides = reader.integers(*tensor.items[3], "strides");
  const std::string fault =
      fault_of_view(record.sizes, record.strides, record.offset, part.numel, c10::elementSize(record.dtype));
  if (!fault.empty()) reader.refuse(fault);
  record.offset += part.offset;
  return record;
}

TensorInfo make_tensor_info(TensorRecord& record, std::uint64_t limit, const std::string& path) {
  TensorInfo info;
  info.dtype = record.dtype;
  info.sizes = std::move(record.sizes);
  info.strides = std::move(record.strides);
  info.offset = record.offset * static_cast<std::int64_t>(c10::elementSize(info.dtype));
  // A view with strides of 0 can claim any size over a few bytes, and whoever copies it would run out of
  // memory.
  if (static_cast<std::uint64_t>(info.nbytes()) > limit) {
    throw CheckpointError("'" + path + "': tensor '" + printable(record.name) +
                          "': expected at most as many bytes as the file has, got " +
                          std::to_string(info.nbytes()) + " by way of overlapping strides");
  }
  return info;
}

}  // namespace ldm::checkpoint
