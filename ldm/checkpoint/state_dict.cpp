#include "ldm/checkpoint/state_dict.h"

#include <ATen/ATen.h>

#include <algorithm>
#include <cstring>
#include <mutex>
#include <unordered_map>
#include <utility>

#include "ldm/checkpoint/bytes.h"
#include "ldm/checkpoint/error.h"
#include "ldm/checkpoint/state_dict_parts.h"

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

struct StateDict::Impl {
  StateDictParts parts;
  std::unordered_map<std::string, std::size_t> index;
  mutable std::mutex mutex;
  mutable std::vector<TensorInfo> infos;  // offsets become absolute on first use, under the mutex
  mutable std::vector<bool> located;

  std::size_t find(const std::string& name) const {
    const auto found = index.find(name);
    if (found != index.end()) return found->second;
    throw CheckpointError("'" + parts.file->path() + "': expected a tensor named '" + printable(name) +
                          "', got none of that name among " + std::to_string(parts.names.size()));
  }

  const TensorInfo& locate(std::size_t i) const {
    const std::lock_guard<std::mutex> lock(mutex);
    if (!located[i]) {
      if (parts.data_start) infos[i].offset += parts.data_start(i);
      located[i] = true;
    }
    return infos[i];
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

/// The same view over a fresh buffer that holds only the elements from the first to the last.
at::Tensor copy_view(const TensorInfo& info, const std::uint8_t* first) {
  at::Tensor buffer = at::empty({info.span()}, at::TensorOptions().dtype(info.dtype));
  auto* out = static_cast<std::uint8_t*>(buffer.data_ptr());
  std::memcpy(out, first, buffer.nbytes());
  if (info.dtype == c10::ScalarType::Bool) {
    std::transform(out, out + buffer.nbytes(), out, [](std::uint8_t byte) { return byte != 0 ? 1 : 0; });
  }
  return buffer.as_strided(info.sizes, info.strides);
}

at::Tensor alias_view(const TensorInfo& info, const std::shared_ptr<MappedFile>& file) {
  // The mapping is private and writable; data() is const because readers have no business writing.
  void* first = const_cast<std::uint8_t*>(file->data() + info.offset);
  return at::from_blob(
      first, info.sizes, info.strides, [file](void*) {}, at::TensorOptions().dtype(info.dtype));
}

}  // namespace

StateDict::StateDict(std::shared_ptr<const Impl> impl) : impl_(std::move(impl)) {}

const std::string& StateDict::path() const {
  return impl_->parts.file->path();
}
const std::string& StateDict::format() const {
  return impl_->parts.format;
}
const std::vector<std::string>& StateDict::names() const {
  return impl_->parts.names;
}
bool StateDict::contains(const std::string& name) const {
  return impl_->index.count(name) != 0;
}
std::map<std::string, std::string> StateDict::metadata() const {
  return impl_->parts.metadata;
}

const TensorInfo& StateDict::info(const std::string& name) const {
  return impl_->locate(impl_->find(name));
}

LoadedTensor StateDict::tensor(const std::string& name) const {
  const TensorInfo& place = info(name);
  const std::uint8_t* first = impl_->parts.file->data() + place.offset;
  std::string reason = reason_to_copy(place, first);
  at::Tensor loaded = reason.empty() ? alias_view(place, impl_->parts.file) : copy_view(place, first);
  return {std::move(loaded), std::move(reason)};
}

StateDict make_state_dict(StateDictParts parts) {
  auto impl = std::make_shared<StateDict::Impl>();
  for (std::size_t i = 0; i < parts.names.size(); ++i) {
    if (!impl->index.emplace(parts.names[i], i).second) {
      throw CheckpointError("'" + parts.file->path() + "': expected each tensor once, got '" +
                            printable(parts.names[i]) + "' twice");
    }
  }
  impl->infos = std::move(parts.infos);
  impl->located.assign(impl->infos.size(), false);
  impl->parts = std::move(parts);
  return StateDict(std::move(impl));
}

}  // namespace ldm::checkpoint
