#include "ldm/checkpoint/tensor_view.h"

#include <algorithm>

namespace ldm::checkpoint {
namespace {

/// Elements from the storage's begin to the view's last one; false on overflow. The view is not empty.
bool reach_of_view(const std::vector<std::int64_t>& sizes, const std::vector<std::int64_t>& strides,
                   std::int64_t offset, std::int64_t& reach) {
  if (__builtin_add_overflow(offset, std::int64_t{1}, &reach)) return false;
  for (std::size_t i = 0; i < sizes.size(); ++i) {
    std::int64_t step = 0;
    if (__builtin_mul_overflow(sizes[i] - 1, strides[i], &step)) return false;
    if (__builtin_add_overflow(reach, step, &reach)) return false;
  }
  return true;
}

}  // namespace

std::int64_t contiguous_bytes(const std::vector<std::int64_t>& sizes, std::size_t item_size) {
  auto bytes = static_cast<std::int64_t>(item_size);
  // Zeros come last, so that [2^40, 2^40, 0] is refused as [2^40, 2^40] is: ATen multiplies in any order.
  for (const std::int64_t size : sizes) {
    if (size < 0 || __builtin_mul_overflow(bytes, std::max<std::int64_t>(size, 1), &bytes)) return -1;
  }
  return std::find(sizes.begin(), sizes.end(), 0) != sizes.end() ? 0 : bytes;
}

std::vector<std::int64_t> contiguous_strides(const std::vector<std::int64_t>& sizes) {
  std::vector<std::int64_t> strides(sizes.size());
  std::int64_t next = 1;
  for (std::size_t i = sizes.size(); i-- > 0;) {
    strides[i] = next;
    next *= std::max<std::int64_t>(sizes[i], 1);
  }
  return strides;
}

std::string fault_of_view(const std::vector<std::int64_t>& sizes, const std::vector<std::int64_t>& strides,
                          std::int64_t offset, std::int64_t storage_numel, std::size_t item_size) {
  if (sizes.size() != strides.size()) {
    return "expected as many strides as sizes, got " + std::to_string(strides.size()) + " and " +
           std::to_string(sizes.size());
  }
  const std::int64_t bytes = contiguous_bytes(sizes, item_size);
  if (bytes < 0) return "expected sizes whose product fits into 63 bits, got larger ones";
  std::int64_t reach = offset;
  if (bytes > 0 && !reach_of_view(sizes, strides, offset, reach)) {
    return "expected strides that stay inside the storage, got ones that overflow";
  }
  if (reach > storage_numel) {
    return "expected a view inside its storage of " + std::to_string(storage_numel) +
           " elements, got one that reaches element " + std::to_string(reach);
  }
  return "";
}

}  // namespace ldm::checkpoint
