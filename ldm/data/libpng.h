#pragma once

#include <png.h>

#include <string>

namespace ldm::data {

/// What libpng said when it gave up. Plain memory, because libpng leaves functions by longjmp.
struct PngFailure {
  char message[160] = "";
};

/// Callbacks for png_create_*_struct, with a PngFailure as the error pointer. Warnings (an unknown chunk, a
/// damaged text) are let pass in silence.
[[noreturn]] void on_png_error(png_structp png, png_const_charp message);
void on_png_warning(png_structp png, png_const_charp message);

/// Runs calls of libpng; false if one of them failed. A failure jumps out of `calls` without destructors: it
/// must own nothing, only refer to what the caller owns.
template <typename Calls>
[[gnu::noinline]] bool libpng_succeeds(png_structp png, const Calls& calls) {
  if (setjmp(png_jmpbuf(png)) != 0) return false;
  calls();
  return true;
}

}  // namespace ldm::data
