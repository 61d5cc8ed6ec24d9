#pragma once

#include <ATen/core/Generator.h>
#include <ATen/core/Tensor.h>

#include <string>

#include "ldm/data/resize.h"

namespace ldm::data {

/// What datasets do to an image [H, W, C] besides resizing it. Crops are views of the image.

/// Where a crop is taken.
enum class CropPlace { center, random };

/// "center" or "random". Throws std::invalid_argument for any other.
CropPlace parse_crop_place(const std::string& name);

/// The crop of `size` whose upper left corner is (top, left). Throws std::invalid_argument if it does not lie
/// inside the image.
at::Tensor crop(const at::Tensor& image, std::int64_t top, std::int64_t left, Size size);

/// The crop in the middle; an odd pixel more stays below and to the right, as in the reference's LSUN and in
/// albumentations' CenterCrop.
at::Tensor center_crop(const at::Tensor& image, Size size);

/// A crop anywhere, all places being equally likely: draws the row, then the column.
at::Tensor random_crop(const at::Tensor& image, Size size, at::Generator& random);

/// center_crop, which draws nothing, or random_crop.
at::Tensor crop_at(CropPlace place, const at::Tensor& image, Size size, at::Generator& random);

/// torchvision's RandomHorizontalFlip: mirrors the image with probability `p`. Draws as torchvision does, one
/// torch.rand(1), whatever `p` is.
at::Tensor random_horizontal_flip(const at::Tensor& image, double p, at::Generator& random);

/// What the reference's datasets end with: x / 127.5 - 1, computed in float64 and then rounded to float32.
/// image_u8 [H, W, C] uint8 -> the same shape in float32 in [-1, 1], contiguous.
at::Tensor to_model_range(const at::Tensor& image_u8);

/// Throws std::invalid_argument unless 0 <= p <= 1. `name` names the option.
void check_probability(const std::string& name, double p);

/// Throws std::invalid_argument unless 1 <= pixels <= 65536. `name` names the option.
void check_side(const std::string& name, std::int64_t pixels);

}  // namespace ldm::data
