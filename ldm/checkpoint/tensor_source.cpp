#include "ldm/checkpoint/tensor_source.h"

#include <ATen/ATen.h>

#include <unordered_set>

#include "ldm/checkpoint/bytes.h"
#include "ldm/checkpoint/error.h"
#include "ldm/checkpoint/tensor_view.h"

namespace ldm::checkpoint {
namespace {

[[noreturn]] void fail(const std::string& path, const std::string& name, const std::string& what) {
  throw CheckpointError("'" + path + "', tensor '" + printable(name) + "': expected " + what);
}

std::string describe_shape(c10::ScalarType dtype, at::IntArrayRef sizes) {
  std::string text = std::string(c10::toString(dtype)) + " [";
  for (std::size_t i = 0; i < sizes.size(); ++i) text += (i == 0 ? "" : ", ") + std::to_string(sizes[i]);
  return text + "]";
}

}  // namespace

void check_source(const std::string& path, const NamedTensorSource& source) {
  const std::int64_t bytes = contiguous_bytes(source.sizes, c10::elementSize(source.dtype));
  if (source.sizes.size() <= kMaxDimensions && bytes >= 0) return;
  fail(path, source.name,
       "a shape of at most 64 sizes, none negative, got " + describe_shape(source.dtype, source.sizes));
}

void check_sources(const std::string& path, const std::vector<NamedTensorSource>& sources) {
  std::unordered_set<std::string> names;
  std::int64_t total = 0;
  for (const NamedTensorSource& source : sources) {
    if (source.name.empty() || !is_utf8(source.name))
      fail(path, source.name, "a name in UTF-8, got other bytes");
    if (!names.insert(source.name).second) fail(path, source.name, "each name once, got it twice");
    check_source(path, source);
    if (__builtin_add_overflow(total, static_cast<std::int64_t>(source_bytes(source)), &total)) {
      fail(path, source.name, "at most 2^63 bytes in all, got more");
    }
  }
}

std::uint64_t source_bytes(const NamedTensorSource& source) {
  return static_cast<std::uint64_t>(contiguous_bytes(source.sizes, c10::elementSize(source.dtype)));
}

at::Tensor make_contiguous(const std::string& path, const NamedTensorSource& source) {
  const at::Tensor made = source.make();
  const std::string told = describe_shape(source.dtype, source.sizes);
  if (!made.defined()) fail(path, source.name, told + " from its source, got an undefined tensor");
  const bool fits = made.scalar_type() == source.dtype && made.sizes() == at::IntArrayRef(source.sizes);
  if (!fits) {
    fail(path, source.name,
         told + " from its source, got " + describe_shape(made.scalar_type(), made.sizes()));
  }
  if (made.is_meta()) fail(path, source.name, told + " with data, got a tensor on the meta device");
  return made.detach().to(at::kCPU).contiguous();
}

}  // namespace ldm::checkpoint
