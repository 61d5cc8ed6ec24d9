#pragma once

#include <cstddef>
#include <functional>

namespace ldm::checkpoint {

/// Calls `body(i)` for each i below `count`, on up to as many threads as ATen uses; whichever is free takes
/// the next i. Returns when all are done; of what they throw, the first is thrown on.
///
/// For long walks over files, instead of at::parallel_for: OpenMP's threads spin while they wait for each
/// other, and beside other programs that wait can take ten times the work. `body` should not call operations
/// of ATen on more than 32768 elements, which would start threads of OpenMP on each of these.
void for_each_piece(std::size_t count, const std::function<void(std::size_t)>& body);

}  // namespace ldm::checkpoint
