#pragma once

#include <cstdint>
#include <string>

namespace ldm {

/// An amount of memory for people: "1.5 GiB".
std::string gibibytes(std::int64_t bytes);

/// Lets the C library's allocator keep the memory that tensors free, for the whole process: an early act of a
/// program's `main`, before any tensor is made.
///
/// glibc gives blocks over 32 MB back to the kernel at once, and the next tensor of that size pays for new
/// zeroed pages: an eighth of a denoising step on the CPU. Does nothing where the C library is another one.
void keep_freed_memory();

/// While it lives, freed memory goes back to the kernel after all; what was kept until then goes at once.
///
/// For the first stage, whose few maps are as large as all else together: kept and never quite fitting the
/// next one, they would double the peak (2.6 GB instead of 1.2 for a 512x512 picture). Does nothing in a
/// process that does not keep its memory. Not thread safe: one at a time.
class ReturnFreedMemory {
 public:
  ReturnFreedMemory();
  ~ReturnFreedMemory();
  ReturnFreedMemory(const ReturnFreedMemory&) = delete;
  ReturnFreedMemory& operator=(const ReturnFreedMemory&) = delete;
};

}  // namespace ldm
