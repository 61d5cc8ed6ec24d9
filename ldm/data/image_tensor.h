#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>

namespace ldm::data {

/// What the reference's scripts write to disk: (x + 1) / 2 clamped to [0, 1], times 255, cut off (not
/// rounded), all in x's own dtype, so that a half image of autocast gives the levels that it gives there.
///
/// x [B, C, H, W] floating point on any device -> [B, H, W, C] uint8 on the CPU, contiguous.
/// Throws std::invalid_argument for another rank or dtype, std::domain_error when x holds a NaN.
at::Tensor to_image_u8(const at::Tensor& x);

/// torchvision's make_grid on 8-bit images: `n_rows` images in each row (its `nrow`), 2 pixels of `level`
/// around each. A single image comes back as it is, without a border.
///
/// images [N, H, W, C] uint8, N >= 1, n_rows >= 1 -> [h, w, C] uint8, contiguous.
/// Throws std::invalid_argument for anything else.
at::Tensor make_grid(const at::Tensor& images, std::int64_t n_rows, std::uint8_t level = 0);

}  // namespace ldm::data
