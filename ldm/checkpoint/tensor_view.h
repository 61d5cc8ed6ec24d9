#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

namespace ldm::checkpoint {

/// Tensors that a file may hold at most: fifty times and more what the largest models of the field have.
constexpr std::size_t kMaxTensors = std::size_t{1} << 17;

/// More dimensions than ATen's kernels take.
constexpr std::size_t kMaxDimensions = 64;

/// What is wrong with a strided view of a storage, worded "expected ..., got ..."; empty if every element of
/// it lies inside the storage's `storage_numel` elements and all counts of elements and bytes fit into 64
/// bits. `sizes`, `strides` and `offset` are in elements and not negative.
std::string fault_of_view(const std::vector<std::int64_t>& sizes, const std::vector<std::int64_t>& strides,
                          std::int64_t offset, std::int64_t storage_numel, std::size_t item_size);

/// Bytes of a contiguous tensor; -1 if a size is negative or the product does not fit into 63 bits.
std::int64_t contiguous_bytes(const std::vector<std::int64_t>& sizes, std::size_t item_size);

/// The strides of a contiguous tensor, whose byte count must fit.
std::vector<std::int64_t> contiguous_strides(const std::vector<std::int64_t>& sizes);

}  // namespace ldm::checkpoint
