#include "ldm/checkpoint/state_dict.h"

#include <ATen/ATen.h>

#include <algorithm>
#include <cstring>
#include <mutex>
#include <unordered_map>
#include <unordered_set>
#include <utility>

#include "ldm/checkpoint/bytes.h"
#include "ldm/checkpoint/error.h"
#include "ldm/checkpoint/state_dict_parts.h"
#include "ldm/checkpoint/tensor_view.h"

namespace ldm::checkpoint {

std::int64_t TensorInfo::numel() const {
  std::int64_t count = 1;
  for (const std::int64_t size : sizes) count *= size;
  return count;
}

std::int64_t TensorInfo::span() const {
  if (numel() == 0) return 0;
  std::int64_t last = 0;
  for (std::size_t i = 0; i < sizes.size(); ++i) last += (sizes[i] - 1) * strides[i];
  return last + 1;
}

std::int64_t TensorInfo::nbytes() const {
  return numel() * static_cast<std::int64_t>(c10::elementSize(dtype));
}

namespace {

/// One open file and what its reader knows about it.
struct Source {
  std::shared_ptr<MappedFile> file;
  std::vector<FileCheck> checks;
  std::function<std::int64_t(std::size_t)> data_start;
  std::function<UnpackedStorage(std::size_t)> unpack;
};

/// One tensor: the file it lies in, and its place among that file's tensors.
struct Record {
  std::shared_ptr<const Source> source;
  std::size_t place = 0;
  TensorInfo info;  // its offset becomes absolute on first use
  bool located = false;

  /// In the file, from the first element to the last.
  std::uint64_t bytes() const {
    return static_cast<std::uint64_t>(info.span()) * c10::elementSize(info.dtype);
  }
};

}  // namespace

struct StateDict::Impl {
  std::string path, format;
  std::map<std::string, std::string> metadata;
  FileNotes notes;
  std::vector<std::string> names;
  std::unordered_map<std::string, std::size_t> index;
  mutable std::mutex mutex;
  mutable std::vector<Record> records;  // under the mutex until located

  void add(std::string name, Record record) {
    if (!index.emplace(name, names.size()).second) {
      throw CheckpointError("'" + path + "': expected each tensor once, got '" + printable(name) + "' twice");
    }
    names.push_back(std::move(name));
    records.push_back(std::move(record));
  }

  const Record& find(const std::string& name) const {
    const auto found = index.find(name);
    if (found != index.end()) return locate(found->second);
    throw CheckpointError("'" + path + "': expected a tensor named '" + printable(name) +
                          "', got none of that name among " + std::to_string(names.size()));
  }

  const Record& locate(std::size_t i) const {
    const std::lock_guard<std::mutex> lock(mutex);
    Record& record = records[i];
    if (!record.located) {
      if (!record.info.packed && record.source->data_start) {
        record.info.offset += record.source->data_start(record.place);
        record.source->file->check_whole();
      }
      record.located = true;
    }
    return record;
  }
};

namespace {

/// Why the tensor cannot lie in the mapping; empty if it can. A bool of another value than 0 or 1 is
/// undefined behaviour to read, and nothing keeps a file from holding one, so those few bytes are looked at.
std::string reason_to_copy(const TensorInfo& info, const std::uint8_t* first) {
  if (info.numel() == 0) return "";
  const auto item = static_cast<std::int64_t>(c10::elementSize(info.dtype));
  if (info.offset % item != 0) {
    return "misaligned offset " + std::to_string(info.offset) + " for " + std::to_string(item) +
           "-byte elements";
  }
  if (info.dtype == c10::ScalarType::Bool) {
    const bool clean = std::all_of(first, first + info.span(), [](std::uint8_t byte) { return byte < 2; });
    if (!clean) return "bool bytes other than 0 and 1";
  }
  return "";
}

at::Tensor view_elements(const TensorInfo& info, at::Tensor buffer) {
  if (info.dtype == c10::ScalarType::Bool) {
    auto* bytes = static_cast<std::uint8_t*>(buffer.data_ptr());
    std::transform(bytes, bytes + buffer.nbytes(), bytes,
                   [](std::uint8_t byte) { return byte != 0 ? 1 : 0; });
  }
  return buffer.as_strided(info.sizes, info.strides);
}

/// A fresh buffer for the elements from the first to the last.
at::Tensor make_buffer(const TensorInfo& info) {
  return at::empty({info.span()}, at::TensorOptions().dtype(info.dtype));
}

at::Tensor copy_view(const TensorInfo& info, const std::uint8_t* first) {
  at::Tensor buffer = make_buffer(info);
  if (buffer.numel() > 0) std::memcpy(buffer.data_ptr(), first, buffer.nbytes());
  return view_elements(info, std::move(buffer));
}

at::Tensor read_view(const TensorInfo& info, const MappedFile& file) {
  at::Tensor buffer = make_buffer(info);
  if (buffer.numel() > 0) {
    file.read(static_cast<std::uint64_t>(info.offset), buffer.data_ptr(), buffer.nbytes());
  }
  return view_elements(info, std::move(buffer));
}

template <typename Owner>
at::Tensor alias_view(const TensorInfo& info, const std::uint8_t* first, const Owner& owner) {
  // The memory is private and writable; it is const because readers have no business writing.
  return at::from_blob(
      const_cast<std::uint8_t*>(first), info.sizes, info.strides, [owner](void*) {},
      at::TensorOptions().dtype(info.dtype));
}

LoadedTensor load_unpacked(const TensorInfo& info, const UnpackedStorage& storage) {
  const std::uint8_t* first = storage->data() + info.offset;
  const bool copies = !reason_to_copy(info, first).empty();
  return {copies ? copy_view(info, first) : alias_view(info, first, storage), "compressed in the file"};
}

LoadedTensor load_stored(const TensorInfo& info, const std::shared_ptr<MappedFile>& file) {
  if (!file->keeps_tensors()) return {read_view(info, *file), "read, not mapped"};
  const std::uint8_t* first = file->data() + info.offset;
  std::string reason = reason_to_copy(info, first);
  at::Tensor loaded = reason.empty() ? alias_view(info, first, file) : copy_view(info, first);
  file->check_whole();
  return {std::move(loaded), std::move(reason)};
}

/// The info of a tensor in another shape.
TensorInfo reshaped(const TensorInfo& info, const TensorAlias& alias) {
  TensorInfo shaped = info;
  shaped.sizes = alias.sizes;
  shaped.strides = contiguous_strides(alias.sizes);
  const bool fits = info.strides == contiguous_strides(info.sizes) && shaped.numel() == info.numel();
  if (fits) return shaped;
  throw CheckpointError("'" + alias.source.path() + "', tensor '" + printable(alias.source_name) +
                        "': expected a contiguous tensor of " + std::to_string(shaped.numel()) +
                        " elements, got one of " + std::to_string(info.numel()));
}

void append(std::vector<std::string>& to, const std::vector<std::string>& from) {
  for (const std::string& text : from) {
    if (std::find(to.begin(), to.end(), text) == to.end()) to.push_back(text);
  }
}

void add_notes(FileNotes& to, const FileNotes& from) {
  append(to.globals, from.globals);
  append(to.inert_globals, from.inert_globals);
  append(to.remarks, from.remarks);
  if (to.scalars.empty()) to.scalars = from.scalars;
}

}  // namespace

StateDict::StateDict(std::shared_ptr<const Impl> impl) : impl_(std::move(impl)) {}

const std::string& StateDict::path() const {
  return impl_->path;
}
const std::string& StateDict::format() const {
  return impl_->format;
}
const std::vector<std::string>& StateDict::names() const {
  return impl_->names;
}
bool StateDict::contains(const std::string& name) const {
  return impl_->index.count(name) != 0;
}
std::map<std::string, std::string> StateDict::metadata() const {
  return impl_->metadata;
}
const FileNotes& StateDict::notes() const {
  return impl_->notes;
}
const TensorInfo& StateDict::info(const std::string& name) const {
  return impl_->find(name).info;
}

LoadedTensor StateDict::tensor(const std::string& name) const {
  const Record& record = impl_->find(name);
  if (record.info.packed) return load_unpacked(record.info, record.source->unpack(record.place));
  return load_stored(record.info, record.source->file);
}

std::vector<FileCheck> StateDict::checks() const {
  std::vector<FileCheck> all;
  std::unordered_set<const Source*> seen;
  for (const Record& record : impl_->records) {
    if (!seen.insert(record.source.get()).second) continue;
    all.insert(all.end(), record.source->checks.begin(), record.source->checks.end());
  }
  return all;
}

void StateDict::populate(const std::string& name) const {
  const Record& record = impl_->find(name);
  if (record.info.packed) return;
  record.source->file->populate(static_cast<std::uint64_t>(record.info.offset), record.bytes());
}

void StateDict::release(const std::string& name) const {
  const Record& record = impl_->find(name);
  if (record.info.packed) return;
  record.source->file->release(static_cast<std::uint64_t>(record.info.offset), record.bytes());
}

StateDict make_state_dict(StateDictParts parts) {
  parts.file->check_whole();
  auto source = std::make_shared<Source>();
  source->file = parts.file;
  source->checks = std::move(parts.checks);
  source->data_start = std::move(parts.data_start);
  source->unpack = std::move(parts.unpack);
  auto impl = std::make_shared<StateDict::Impl>();
  impl->path = parts.file->path();
  impl->format = std::move(parts.format);
  impl->metadata = std::move(parts.metadata);
  impl->notes = std::move(parts.notes);
  for (const NamedScalar& scalar : impl->notes.scalars) {
    impl->metadata.emplace(scalar.name, scalar_text(scalar.value));
  }
  for (std::size_t i = 0; i < parts.names.size(); ++i) {
    impl->add(std::move(parts.names[i]), {source, i, std::move(parts.infos[i]), false});
  }
  return StateDict(std::move(impl));
}

StateDict view_of(std::string path, std::string format, const std::vector<TensorAlias>& tensors,
                  std::map<std::string, std::string> metadata, std::vector<std::string> remarks) {
  auto impl = std::make_shared<StateDict::Impl>();
  impl->path = std::move(path);
  impl->format = std::move(format);
  impl->metadata = std::move(metadata);
  impl->notes.remarks = std::move(remarks);
  std::unordered_set<const StateDict::Impl*> seen;
  for (const TensorAlias& alias : tensors) {
    const StateDict::Impl& from = *alias.source.impl_;
    const auto found = from.index.find(alias.source_name);
    if (found == from.index.end()) from.find(alias.source_name);  // throws
    Record record;
    {
      const std::lock_guard<std::mutex> lock(from.mutex);
      record = from.records[found->second];
    }
    if (!alias.sizes.empty()) record.info = reshaped(record.info, alias);
    impl->add(alias.name, std::move(record));
    if (seen.insert(&from).second) add_notes(impl->notes, from.notes);
  }
  return StateDict(std::move(impl));
}

}  // namespace ldm::checkpoint
