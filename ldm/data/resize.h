#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <string>

namespace ldm::data {

/// Height and width of an image in pixels.
struct Size {
  std::int64_t height = 0;
  std::int64_t width = 0;
};

inline bool operator==(const Size& a, const Size& b) {
  return a.height == b.height && a.width == b.width;
}

/// Both sides rounded down to a multiple of `multiple` (>= 1). A side below `multiple` becomes 0.
/// Throws std::invalid_argument for a multiple below 1.
Size floor_to_multiple(Size size, std::int64_t multiple);

/// Pillow's filters for resizing: a triangle of radius 1, Keys' cubic with a = -1/2 (radius 2), and a sinc
/// windowed by another (radius 3).
enum class Filter { bilinear, bicubic, lanczos };

/// "linear" or "bilinear", "bicubic", "lanczos": the names that the reference's datasets take for
/// `interpolation`. Throws std::invalid_argument for any other.
Filter parse_filter(const std::string& name);

/// Pillow's `Image.resize((width, height), filter)`, bit for bit: antialiased (the kernel widens with the
/// reduction), one pass along the rows and one along the columns, each in 22-bit fixed point and rounded back
/// to 8 bits; a pass whose size does not change is skipped. The order of the passes is that of Pillow 13:
/// columns first when the height loses more than twice as many pixels as the width. Older versions always
/// begin with the rows; where the two disagree it is by the rounding and clipping between the passes.
///
/// image_u8 [H, W, C] uint8 on the CPU, C 1..4, any strides -> [height, width, C] uint8, contiguous. Channels
/// are treated alike: Pillow multiplies colours by alpha first where an image has one, this does not.
/// Throws std::invalid_argument for another rank, dtype, device or channel count and for empty sizes.
at::Tensor pillow_resize(const at::Tensor& image_u8, std::int64_t height, std::int64_t width, Filter filter);

/// pillow_resize with Filter::lanczos: what the reference's load_img uses.
at::Tensor lanczos_resize(const at::Tensor& image_u8, std::int64_t height, std::int64_t width);

/// What the reference's load_img does with the resized image: x / 255 * 2 - 1 in float32, channels first.
/// image_u8 [H, W, C] uint8 on the CPU, C 1..4 -> [1, C, H, W] float32 in [-1, 1], contiguous.
/// Throws std::invalid_argument as lanczos_resize.
at::Tensor image_to_tensor(const at::Tensor& image_u8);

}  // namespace ldm::data
