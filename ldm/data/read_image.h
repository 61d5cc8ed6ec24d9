#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <string>

namespace ldm::data {

/// Reads an image of any kind that OpenCV knows (JPEG, PNG, WebP, TIFF, BMP, JPEG 2000, PNM, ...) as Pillow's
/// `Image.open(path).convert("RGB")` does: alpha is dropped, not blended; grey is repeated; of 16 bits the
/// upper 8 are taken, but 16-bit grey is clipped at 255; floating point values are taken for [0, 1]. The
/// orientation that a camera noted (EXIF) is not applied. PNGs are read by read_png. -> [H, W, 3] uint8, RGB,
/// contiguous.
///
/// Part of the library ldm_images (ldm::images), which links OpenCV; ldm itself does not.
///
/// Throws files::FileError if the file cannot be read, ImageError if it is no image (with what it looks like
/// instead), damaged or cut short, or has more than kMaxImagePixels pixels. OpenCV's own decoders may
/// complain of damaged files on stderr besides.
at::Tensor read_image(const std::string& path);

/// The reference's load_img: the image resized by Pillow's Lanczos to sides rounded down to multiples of
/// `multiple` (32 in the reference) -> [1, 3, H, W] float32 in [-1, 1]. Throws as read_image, and ImageError
/// for an image that is smaller than `multiple` in a direction.
at::Tensor load_img(const std::string& path, std::int64_t multiple = 32);

}  // namespace ldm::data
