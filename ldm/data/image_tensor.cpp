#include "ldm/data/image_tensor.h"

#include <ATen/ATen.h>

#include <algorithm>
#include <sstream>
#include <stdexcept>

namespace ldm::data {
namespace {

constexpr std::int64_t kPadding = 2;

std::string described(const at::Tensor& tensor) {
  std::ostringstream text;
  text << tensor.scalar_type() << ' ' << tensor.sizes();
  return text.str();
}

}  // namespace

at::Tensor to_image_u8(const at::Tensor& x) {
  if (x.dim() != 4 || !x.is_floating_point()) {
    throw std::invalid_argument("to_image_u8: expected a floating point tensor [B, C, H, W], got " +
                                described(x));
  }
  const at::Tensor image = ((x + 1.0) / 2.0).clamp(0.0, 1.0).to(at::kCPU);
  if (image.isnan().any().item<bool>()) {
    throw std::domain_error("to_image_u8: expected finite values, got NaN");
  }
  return (image * 255.0).to(at::kByte).permute({0, 2, 3, 1}).contiguous();
}

at::Tensor make_grid(const at::Tensor& images, std::int64_t n_rows, std::uint8_t level) {
  if (images.dim() != 4 || images.scalar_type() != at::kByte || images.size(0) < 1) {
    throw std::invalid_argument("make_grid: expected uint8 images [N, H, W, C], N >= 1, got " +
                                described(images));
  }
  if (n_rows < 1) {
    throw std::invalid_argument("make_grid: expected at least 1 image in a row, got " +
                                std::to_string(n_rows));
  }
  const std::int64_t count = images.size(0);
  if (count == 1) return images[0].contiguous();
  const std::int64_t columns = std::min(n_rows, count), rows = (count + columns - 1) / columns;
  const std::int64_t cell_height = images.size(1) + kPadding, cell_width = images.size(2) + kPadding;
  at::Tensor grid = at::full({rows * cell_height + kPadding, columns * cell_width + kPadding, images.size(3)},
                             level, images.options());
  for (std::int64_t i = 0; i < count; ++i) {
    const std::int64_t top = i / columns * cell_height + kPadding;
    const std::int64_t left = i % columns * cell_width + kPadding;
    grid.narrow(0, top, images.size(1)).narrow(1, left, images.size(2)).copy_(images[i]);
  }
  return grid;
}

}  // namespace ldm::data
