#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>

namespace ldm::data {

/// OpenCV's resize with INTER_LINEAR on 8 bits, as albumentations calls it: not antialiased. Part of the
/// library ldm_images, as read_image. OpenCV may use threads of its own for large images.
///
/// image_u8 [H, W, 3] uint8 on the CPU, any strides -> [height, width, 3] uint8, contiguous. Throws
/// std::invalid_argument for another image or an empty target.
at::Tensor linear_resize(const at::Tensor& image_u8, std::int64_t height, std::int64_t width);

}  // namespace ldm::data
