#pragma once

namespace ldm {

/// Lets the C library's allocator keep the memory that tensors free, for the whole process: an early act of a
/// program's `main`, before any tensor is made.
///
/// glibc gives blocks over 32 MB back to the kernel at once, and the next tensor of that size pays for new
/// zeroed pages: an eighth of a denoising step on the CPU. The price is that the process holds its highest
/// mark of memory until it ends. Does nothing where the C library is another one.
void keep_freed_memory();

}  // namespace ldm
